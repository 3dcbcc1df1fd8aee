// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

/** Java source under construction: lines, indented by the brackets that are open. */
final class SourceText {
  private static final String INDENT = "  ";

  private final StringBuilder text = new StringBuilder();
  private int depth;

  /** Adds the lines of {@code block}, whose own indentation does not count. */
  void add(String block) {
    for (String line : block.stripTrailing().split("\n", -1)) {
      String bare = line.strip();
      int closedFirst = bare.startsWith("}") || bare.startsWith(")") ? 1 : 0;
      if (!bare.isEmpty()) {
        // The stars of a comment stand one to the right of its beginning.
        String star = bare.startsWith("*") ? " " : "";
        text.append(INDENT.repeat(depth - closedFirst)).append(star).append(bare);
      }
      text.append('\n');
      depth += count(bare, "({") - count(bare, ")}");
    }
  }

  private static int count(String line, String brackets) {
    return (int) line.chars().filter(character -> brackets.indexOf(character) >= 0).count();
  }

  void blank() {
    text.append('\n');
  }

  @Override
  public String toString() {
    if (depth != 0) {
      throw new IllegalStateException("unbalanced, depth " + depth + ":\n" + text);
    }
    return text.toString();
  }
}
