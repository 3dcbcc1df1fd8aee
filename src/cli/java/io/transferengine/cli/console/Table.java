// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import java.util.ArrayList;
import java.util.List;

/** Lines of cells in columns as wide as their widest cell. Colours are put on after measuring. */
public final class Table {
  private static final String GAP = "  ";

  private final List<Boolean> rightAligned = new ArrayList<>();
  private final List<String> headings = new ArrayList<>();
  private final List<List<String>> rows = new ArrayList<>();

  /** Adds a column of text. */
  public Table left(String heading) {
    return column(heading, false);
  }

  /** Adds a column of numbers. */
  public Table right(String heading) {
    return column(heading, true);
  }

  private Table column(String heading, boolean right) {
    headings.add(heading);
    rightAligned.add(right);
    return this;
  }

  public void row(List<String> cells) {
    if (cells.size() != headings.size()) {
      throw new IllegalArgumentException(cells.size() + " cells in " + headings.size());
    }
    rows.add(cells.stream().map(Table::printable).toList());
  }

  /** Strangers' texts may hold control characters, which could forge lines. */
  private static String printable(String cell) {
    return cell.replaceAll("\\p{Cntrl}+", " ");
  }

  /** Prints all; a last cell that is a verdict gets its colour. */
  public void print(Terminal terminal) {
    int[] widths = new int[headings.size()];
    measure(widths, headings);
    rows.forEach(row -> measure(widths, row));
    terminal.line(terminal.heading(format(widths, headings)));
    for (List<String> row : rows) {
      String line = format(widths, row);
      String last = row.getLast();
      terminal.line(line.substring(0, line.length() - last.length()) + coloured(terminal, last));
    }
  }

  private static String coloured(Terminal terminal, String cell) {
    return switch (cell) {
      case "verified", "ok" -> terminal.good(cell);
      case "FAILED", "missing" -> terminal.bad(cell);
      default -> cell;
    };
  }

  private static void measure(int[] widths, List<String> row) {
    for (int i = 0; i < widths.length; i++) {
      widths[i] = Math.max(widths[i], row.get(i).length());
    }
  }

  private String format(int[] widths, List<String> row) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      String cell = row.get(i);
      String padding = " ".repeat(widths[i] - cell.length());
      boolean last = i == widths.length - 1;
      line.append(i == 0 ? "" : GAP);
      line.append(rightAligned.get(i) ? padding + cell : last ? cell : cell + padding);
    }
    return line.toString();
  }
}
