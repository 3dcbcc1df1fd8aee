// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.domain.Source;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Cycles between the source files of a package: of each two files in one, either needs the other.
 * Whoever reads or tests one of them has to know them all.
 *
 * <p>Classes of one file count as one, and so does a sealed class with the files of those that it
 * permits: they are a family on purpose. What a class needs is every class that its class file
 * names, as jdeps has it: constants that the compiler copies, and type arguments, too.
 */
final class FileCycles {
  /** Class names in descriptors and signatures. */
  private static final Pattern NAMED = Pattern.compile("L([\\w/$]+)[;<]");

  private static final IdentityHashMap<JavaPackage, List<Set<String>>> KNOWN =
      new IdentityHashMap<>();

  /** By class, as class files name it: its source file, or the one of its sealed family. */
  private final Map<String, String> files = new HashMap<>();

  private final Map<String, Set<String>> needs = new TreeMap<>();

  private FileCycles(JavaPackage of) {
    List<ClassModel> models = new ArrayList<>();
    for (JavaClass type : of.getClasses()) {
      // Not arrays, and what is only named.
      type.getSource()
          .ifPresent(
              source -> {
                ClassModel model = parse(source);
                models.add(model);
                files.put(model.thisClass().asInternalName(), source.getFileName().orElseThrow());
              });
    }
    models.forEach(this::join);
    models.forEach(this::add);
  }

  private static ClassModel parse(Source source) {
    try {
      return ClassFile.of().parse(Files.readAllBytes(Path.of(source.getUri())));
    } catch (IOException e) {
      throw new UncheckedIOException(source.toString(), e);
    }
  }

  private void join(ClassModel model) {
    String family = files.get(model.thisClass().asInternalName());
    model
        .findAttribute(Attributes.permittedSubclasses())
        .ifPresent(
            permits ->
                permits
                    .permittedSubclasses()
                    .forEach(
                        permitted -> {
                          String joining = files.get(permitted.asInternalName());
                          files.replaceAll((name, file) -> file.equals(joining) ? family : file);
                        }));
  }

  private void add(ClassModel model) {
    Set<String> needed =
        needs.computeIfAbsent(
            files.get(model.thisClass().asInternalName()), name -> new TreeSet<>());
    for (PoolEntry entry : model.constantPool()) {
      switch (entry) {
        case ClassEntry type -> needed.add(files.getOrDefault(type.asInternalName(), ""));
        case Utf8Entry text ->
            NAMED
                .matcher(text.stringValue())
                .results()
                .map((MatchResult named) -> files.getOrDefault(named.group(1), ""))
                .forEach(needed::add);
        default -> {}
      }
    }
    needed.remove("");
  }

  private List<Set<String>> cycles() {
    Map<String, Set<String>> reached = new HashMap<>();
    needs.keySet().forEach(file -> reached.put(file, reachedFrom(file)));
    List<Set<String>> cycles = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    for (String file : needs.keySet()) {
      Set<String> cycle = new TreeSet<>(reached.getOrDefault(file, Set.of()));
      cycle.removeIf(other -> !reached.getOrDefault(other, Set.of()).contains(file));
      if (cycle.size() > 1 && seen.addAll(cycle)) {
        cycles.add(cycle);
      }
    }
    return cycles;
  }

  private Set<String> reachedFrom(String start) {
    Set<String> reached = new HashSet<>();
    Deque<String> next = new ArrayDeque<>(needs.getOrDefault(start, Set.of()));
    for (String file = next.poll(); file != null; file = next.poll()) {
      if (reached.add(file)) {
        next.addAll(needs.getOrDefault(file, Set.of()));
      }
    }
    return reached;
  }

  private static synchronized List<Set<String>> of(JavaPackage of) {
    return KNOWN.computeIfAbsent(of, each -> new FileCycles(each).cycles());
  }

  /** {@return for each source file of a package, or sealed family, those of it that it needs} */
  static Map<String, Set<String>> needs(JavaPackage of) {
    return new FileCycles(of).needs;
  }

  private static int count(List<Set<String>> cycles) {
    return cycles.stream().mapToInt(Set::size).sum();
  }

  /** {@return the cycle that a class is part of, if any} */
  static Stream<String> violations(JavaClass type) {
    String file = type.getSource().flatMap(Source::getFileName).orElse("");
    return of(type.getPackage()).stream()
        .filter(cycle -> cycle.contains(file))
        .map(
            cycle ->
                "%s is in a cycle of %d files: %s"
                    .formatted(type.getName(), cycle.size(), String.join(" ", cycle)));
  }

  /** {@return how many files of each package are in cycles} */
  static Map<String, Integer> counts(Collection<JavaClass> types) {
    Map<String, Integer> counts = new TreeMap<>();
    for (JavaClass type : types) {
      int _ =
          counts.computeIfAbsent(
              ArchitectureRules.below(type), name -> count(of(type.getPackage())));
    }
    return counts;
  }
}
