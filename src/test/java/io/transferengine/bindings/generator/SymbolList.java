// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The symbols to generate, from a file of jextract's options {@code --include-constant NAME} and so
 * on, one a line, sorted, so that there is one place for each.
 *
 * @param constants names of enum constants and of macros that are integers
 * @param functions names of exported functions
 * @param structs names, without the keyword
 * @param unions names, without the keyword
 */
public record SymbolList(
    List<String> constants, List<String> functions, List<String> structs, List<String> unions) {

  /**
   * Reads such a file.
   *
   * @throws GeneratorException naming the line that is none of the four options, or out of order
   */
  public static SymbolList read(Path file) throws IOException {
    SymbolList list =
        new SymbolList(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    String previous = "";
    for (String line : Files.readAllLines(file)) {
      if (line.compareTo(previous) <= 0) {
        throw new GeneratorException(
            "%s: '%s' must come before '%s', and once".formatted(file, line, previous));
      }
      previous = line;
      String[] words = line.split(" ", -1);
      if (words.length != 2 || !words[1].matches("\\w+")) {
        throw new GeneratorException("%s: '%s' is not '--include-KIND NAME'".formatted(file, line));
      }
      list.namesOf(file, words[0]).add(words[1]);
    }
    return list;
  }

  private List<String> namesOf(Path file, String option) {
    return switch (option) {
      case "--include-constant" -> constants;
      case "--include-function" -> functions;
      case "--include-struct" -> structs;
      case "--include-union" -> unions;
      default -> throw new GeneratorException("%s: '%s' is unknown".formatted(file, option));
    };
  }
}
