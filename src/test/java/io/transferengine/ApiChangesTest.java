// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.AccessFlag;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Prints what the exported packages have lost and gained since the last release, whose list is
 * committed. Until version 1.0 it only warns. After a release the list is made anew: {@code ./te
 * test -Dtest=ApiChangesTest -Dte.regenerate=true}.
 */
@Timeout(60)
class ApiChangesTest {
  private static final Logger log = LoggerFactory.getLogger(ApiChangesTest.class);
  private static final Path LIST = Path.of("src", "test", "resources", "api", "last-release.txt");
  private static final Path SOURCES = Path.of("src", "main", "java", "io", "transferengine");

  private static Stream<Class<?>> exported() throws IOException {
    Set<String> names = new TreeSet<>();
    for (String name : ArchitectureRules.EXPORTED) {
      try (Stream<Path> files = Files.list(SOURCES.resolve(name.replace('.', '/')))) {
        files
            .map(file -> file.getFileName().toString())
            .filter(file -> file.endsWith(".java") && !file.equals("package-info.java"))
            .map(file -> file.substring(0, file.length() - ".java".length()))
            .forEach(
                type ->
                    names.add("io.transferengine." + (name.isEmpty() ? "" : name + ".") + type));
      }
    }
    return names.stream().map(ApiChangesTest::load).flatMap(ApiChangesTest::withNested);
  }

  private static Class<?> load(String name) {
    try {
      return Class.forName(name, false, ApiChangesTest.class.getClassLoader());
    } catch (ClassNotFoundException e) {
      throw new LinkageError(name, e);
    }
  }

  private static Stream<Class<?>> withNested(Class<?> type) {
    return Modifier.isPublic(type.getModifiers())
        ? Stream.concat(
            Stream.of(type),
            Arrays.stream(type.getDeclaredClasses()).flatMap(ApiChangesTest::withNested))
        : Stream.empty();
  }

  private static Stream<String> lines(Class<?> type) {
    String name = type.getName().replace('$', '.');
    String kind = type.isInterface() ? "interface" : type.isEnum() ? "enum" : "class";
    String open = Modifier.isFinal(type.getModifiers()) || type.isSealed() ? "closed " : "open ";
    Stream<Member> members =
        Stream.<Member[]>of(type.getMethods(), type.getConstructors(), type.getFields())
            .flatMap(Arrays::stream)
            .filter(member -> member.getDeclaringClass().getName().startsWith("io.transferengine"))
            .filter(member -> !member.isSynthetic());
    return Stream.concat(
        Stream.of(open + kind + " " + name), members.map(member -> name + " " + signature(member)));
  }

  private static String signature(Member member) {
    String isStatic = member.accessFlags().contains(AccessFlag.STATIC) ? "static " : "";
    return switch (member) {
      case Field field -> isStatic + field.getGenericType().getTypeName() + " " + field.getName();
      case Method method ->
          isStatic + method.getGenericReturnType().getTypeName() + " " + call(method);
      case Executable constructor -> "new " + call(constructor);
      default -> throw new AssertionError(member.toString());
    };
  }

  private static String call(Executable call) {
    String name = call instanceof Method ? call.getName() : "";
    return Arrays.stream(call.getGenericParameterTypes())
        .map(type -> type.getTypeName())
        .collect(Collectors.joining(", ", name + "(", ")"));
  }

  private static Set<String> without(Set<String> these, Set<String> others) {
    Set<String> rest = new TreeSet<>(these);
    rest.removeAll(others);
    return rest;
  }

  @Test
  void whatHasChangedIsPrinted() throws IOException {
    Set<String> now =
        exported().flatMap(ApiChangesTest::lines).collect(Collectors.toCollection(TreeSet::new));
    assertThat(now).contains("closed class io.transferengine.Engine");
    if (Boolean.getBoolean("te.regenerate")) {
      Files.createDirectories(LIST.getParent());
      Files.write(LIST, now);
    }
    Set<String> before = new TreeSet<>(Files.readAllLines(LIST));
    Set<String> lost = without(before, now);
    Set<String> gained = without(now, before);
    List<String> sample = lost.stream().map(line -> "- " + line).toList();
    if (!lost.isEmpty()) {
      log.warn("The API has lost since the last release:\n{}", String.join("\n", sample));
    }
    log.info("The API has {} lines, {} lost and {} gained", now.size(), lost.size(), gained.size());
  }
}
