// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LineNumber;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Places that the JVM links when they run for the first time, as class files show them: lambdas,
 * method references, switches over patterns, and the methods that a record has by itself.
 *
 * <p>Calls are followed by name, and to all that overrides what is called, within one package.
 */
final class LinkedAtFirstUse {
  private final String scope;
  private final Map<String, ClassModel> classes = new HashMap<>();
  private final Map<String, List<String>> below = new HashMap<>();
  private final Map<String, MethodModel> methods = new HashMap<>();

  /**
   * @param folder of class files
   * @param scope the package that calls are followed in, as class files name it
   */
  LinkedAtFirstUse(Path folder, String scope) {
    this.scope = scope + "/";
    try (Stream<Path> files = Files.list(folder.resolve(scope))) {
      files.filter(file -> file.toString().endsWith(".class")).forEach(this::add);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void add(Path file) {
    ClassModel model;
    try {
      model = ClassFile.of().parse(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String name = model.thisClass().asInternalName();
    classes.put(name, model);
    model.superclass().ifPresent(above -> addBelow(above, name));
    model.interfaces().forEach(above -> addBelow(above, name));
    for (MethodModel method : model.methods()) {
      methods.put(
          name + "." + method.methodName().stringValue() + method.methodType().stringValue(),
          method);
    }
  }

  private void addBelow(ClassEntry above, String name) {
    below.computeIfAbsent(above.asInternalName(), _ -> new ArrayList<>()).add(name);
  }

  /**
   * {@return the places that methods reach, as CLASS.METHOD:LINE}
   *
   * @param roots each a class of the package, a point and a method
   */
  Set<String> reachedFrom(List<String> roots) {
    Set<String> places = new TreeSet<>();
    Set<String> seen = new HashSet<>();
    Deque<String> next = new ArrayDeque<>();
    for (String root : roots) {
      List<String> found =
          methods.keySet().stream().filter(name -> name.startsWith(scope + root + "(")).toList();
      if (found.isEmpty()) {
        throw new IllegalArgumentException("No method " + root + " in " + scope);
      }
      found.forEach(method -> addCall(method, seen, next));
    }
    while (!next.isEmpty()) {
      String name = next.remove();
      int line = 0;
      MethodModel method = Objects.requireNonNull(methods.get(name));
      for (CodeElement element : method.code().map(CodeModel::elementList).orElse(List.of())) {
        switch (element) {
          case LineNumber number -> line = number.line();
          case InvokeDynamicInstruction _ ->
              places.add(name.substring(scope.length(), name.indexOf('(')) + ":" + line);
          case InvokeInstruction call -> addTargets(call, seen, next);
          default -> {}
        }
      }
    }
    return places;
  }

  private void addTargets(InvokeInstruction call, Set<String> seen, Deque<String> next) {
    String method = "." + call.name().stringValue() + call.type().stringValue();
    String owner = call.owner().asInternalName();
    for (@Nullable String at = owner; at != null; at = above(at)) {
      addCall(at + method, seen, next);
    }
    Deque<String> overriding = new ArrayDeque<>(below.getOrDefault(owner, List.of()));
    while (!overriding.isEmpty()) {
      String at = overriding.remove();
      addCall(at + method, seen, next);
      overriding.addAll(below.getOrDefault(at, List.of()));
    }
  }

  private @Nullable String above(String name) {
    ClassModel known = classes.get(name);
    return known == null ? null : known.superclass().map(ClassEntry::asInternalName).orElse(null);
  }

  private void addCall(String method, Set<String> seen, Deque<String> next) {
    if (methods.containsKey(method) && seen.add(method)) {
      next.add(method);
    }
  }
}
