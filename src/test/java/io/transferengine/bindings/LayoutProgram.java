// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.bindings.GeneratedClasses.Structure;
import io.transferengine.bindings.generator.Library;
import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** Sizes, offsets and constants of a library's classes, and a program that says them for C. */
final class LayoutProgram {
  private final Map<String, Long> expected = new TreeMap<>();
  private final Map<String, String> expressions = new TreeMap<>();

  /** Of all that is generated for a library, whose constants are in {@code constants}. */
  LayoutProgram(Library library, Class<?> constants) {
    for (Structure structure : GeneratedClasses.structures(library)) {
      describe(structure, expected, expressions);
    }
    for (String constant : GeneratedClasses.symbols(library).constants()) {
      expected.put(constant, GeneratedClasses.constant(constants, constant));
      expressions.put(constant, constant);
    }
  }

  /** What Java has. */
  Map<String, Long> expected() {
    return expected;
  }

  /** What Java has of a type, and the C expressions for the same. */
  private static void describe(
      Structure structure, Map<String, Long> values, Map<String, String> expressions) {
    String c = structure.c();
    if (structure.complete()) {
      String whole = structure.path().isEmpty() ? c : member(c, structure.path());
      values.put("sizeof " + structure, structure.layout().byteSize());
      expressions.put("sizeof " + structure, "sizeof(%s)".formatted(whole));
      values.put("alignof " + structure, structure.layout().byteAlignment());
      expressions.put("alignof " + structure, "__alignof__(%s)".formatted(whole));
    }
    for (String name : structure.members()) {
      String path = structure.path(name);
      String key = c + "." + path;
      values.put("offset of " + key, structure.base() + structure.offset(name));
      expressions.put("offset of " + key, "offsetof(%s, %s)".formatted(c, path));
      values.put("size of " + key, structure.layout(name).byteSize());
      expressions.put("size of " + key, "sizeof(%s)".formatted(member(c, path)));
    }
  }

  private static String member(String type, String path) {
    return "((%s *) 0)->%s".formatted(type, path);
  }

  /**
   * Compiles a program that prints the same for C, and runs it.
   *
   * @param prelude what includes the header
   * @param options of gcc
   * @return what it printed, in the order of {@link #expected}
   */
  Map<String, Long> run(Path directory, String prelude, String... options)
      throws IOException, InterruptedException {
    StringBuilder program =
        new StringBuilder(
            """
            #include <stddef.h>
            #include <stdio.h>
            """);
    program.append(prelude).append("int main(void) {\n");
    expressions.forEach(
        (name, expression) ->
            program.append(
                "  printf(\"%s=%%lld\\n\", (long long) (%s));\n".formatted(name, expression)));
    program.append("  return 0;\n}\n");
    Path source = Files.writeString(directory.resolve("layouts.c"), program);
    Path binary = directory.resolve("layouts");
    try {
      List<String> command = new ArrayList<>(List.of("gcc", "-std=gnu11"));
      command.addAll(List.of(options));
      command.addAll(List.of("-o", binary.toString(), source.toString()));
      execute(command.toArray(String[]::new));
    } catch (IOException e) {
      Needs.that(false, "no gcc (" + e.getMessage() + "): install the package gcc");
    }
    Map<String, Long> values = new TreeMap<>();
    for (String line : execute(binary.toString())) {
      String[] parts = line.split("=", 2);
      values.put(parts[0], Long.valueOf(parts[1]));
    }
    return values;
  }

  private static List<String> execute(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      process.getOutputStream().close();
      List<String> lines = process.inputReader().readAllLines();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("%s ends", command[0]).isTrue();
      assertThat(process.exitValue()).as("%s: %s", command[0], lines).isZero();
      return lines;
    } finally {
      process.destroyForcibly();
    }
  }
}
