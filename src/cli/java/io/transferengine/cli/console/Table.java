// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import java.util.ArrayList;
import java.util.List;

/**
 * A table. A column is as wide as its widest cell; if rows are printed as they come, it has a width
 * given before. The last column is wrapped at the end of the terminal's line.
 */
public final class Table {
  private static final String GAP = "  ";

  /** A narrower last column is unreadable: then the terminal wraps it. */
  private static final int LEAST_WRAPPED = 20;

  /**
   * A column.
   *
   * @param leastWidth its least width, besides its heading
   */
  private record Column(String heading, boolean right, int leastWidth) {}

  private final List<Column> columns = new ArrayList<>();
  private final List<List<String>> rows = new ArrayList<>();

  /** Adds a column of text. */
  public Table left(String heading) {
    return left(heading, 0);
  }

  /** Adds a column of text, for rows that are printed as they come. */
  public Table left(String heading, int leastWidth) {
    return column(new Column(heading, false, leastWidth));
  }

  /** Adds a column of numbers. */
  public Table right(String heading) {
    return right(heading, 0);
  }

  /** Adds a column of numbers, for rows that are printed as they come. */
  public Table right(String heading, int leastWidth) {
    return column(new Column(heading, true, leastWidth));
  }

  private Table column(Column column) {
    columns.add(column);
    return this;
  }

  /** Adds a row, which {@link #print} prints. */
  public void row(List<String> cells) {
    rows.add(checked(cells));
  }

  private List<String> checked(List<String> cells) {
    if (cells.size() != columns.size()) {
      throw new IllegalArgumentException(cells.size() + " cells in " + columns.size());
    }
    return cells.stream().map(Table::printable).toList();
  }

  /**
   * {@return a stranger's text without control characters, which could forge lines} The library's
   * log has the same rule ({@code TableTest}) in a package that it does not export.
   */
  public static String printable(String cell) {
    return cell.replaceAll("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]+", " ");
  }

  /** Prints the headings and all rows. */
  public void print(Terminal terminal) {
    int[] widths = leastWidths();
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    printHeadings(terminal, widths);
    rows.forEach(row -> printRow(terminal, widths, row));
  }

  /** Prints the headings alone; rows follow by {@link #printRow}. */
  public void printHeadings(Terminal terminal) {
    printHeadings(terminal, leastWidths());
  }

  /** Prints a row at once, after {@link #printHeadings(Terminal)}. */
  public void printRow(Terminal terminal, List<String> cells) {
    printRow(terminal, leastWidths(), checked(cells));
  }

  private int[] leastWidths() {
    return columns.stream()
        .mapToInt(column -> Math.max(column.heading().length(), column.leastWidth()))
        .toArray();
  }

  private void printHeadings(Terminal terminal, int[] widths) {
    List<String> headings = columns.stream().map(Column::heading).toList();
    terminal.line(terminal.heading(start(terminal, widths, headings) + headings.getLast()));
  }

  private void printRow(Terminal terminal, int[] widths, List<String> cells) {
    String start = start(terminal, widths, cells);
    String last = cells.getLast();
    if (columns.getLast().right()) {
      last = " ".repeat(Math.max(0, widths[widths.length - 1] - last.length())) + last;
    }
    int indent = 0;
    for (int i = 0; i < widths.length - 1; i++) {
      indent += Math.max(widths[i], cells.get(i).length()) + GAP.length();
    }
    int room = terminal.width() - indent;
    List<String> parts = room < LEAST_WRAPPED ? List.of(last) : Terminal.wrapped(last, room);
    terminal.line(start + coloured(terminal, parts.getFirst()));
    for (String part : parts.subList(1, parts.size())) {
      terminal.line(" ".repeat(indent) + part);
    }
  }

  /** {@return the line up to its last cell} */
  private String start(Terminal terminal, int[] widths, List<String> cells) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < widths.length - 1; i++) {
      String cell = cells.get(i);
      String padding = " ".repeat(Math.max(0, widths[i] - cell.length()));
      String shown = coloured(terminal, cell);
      line.append(columns.get(i).right() ? padding + shown : shown + padding).append(GAP);
    }
    return line.toString();
  }

  private static String coloured(Terminal terminal, String cell) {
    return switch (cell) {
      case "verified", "ok" -> terminal.good(cell);
      case "FAILED", "missing" -> terminal.bad(cell);
      default -> cell;
    };
  }
}
