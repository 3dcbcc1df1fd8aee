// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Table;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.console.Units;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.Function;

/**
 * The figures as a table. Each row is printed when it ends. Thread-safe: a signal may end the table
 * while a row is printed.
 */
final class BenchReport {
  /** A narrower terminal gets only the most important columns; JSON has all of them. */
  private static final int FULL_WIDTH = 120;

  /** In one of 80, GB/s and the ratio have to do for the reference. */
  private static final int USUAL_WIDTH = 94;

  private final Terminal terminal;
  private final List<Column> columns;
  private final Table table = new Table();
  private final Set<BenchRow> printed = new HashSet<>();
  private boolean ended;

  /** A column of numbers. */
  private record Column(String heading, int width, Function<BenchSummary, String> cell) {}

  /**
   * @param rounds over which figures are medians
   * @param references the programs to compare with
   * @param latency whether percentiles matter, and throughput does not
   */
  BenchReport(Terminal terminal, int rounds, List<Reference> references, boolean latency) {
    this.terminal = terminal;
    boolean narrow = terminal.width() < USUAL_WIDTH;
    table.left(narrow ? "op" : "operation", "write".length());
    List<Column> chosen = new ArrayList<>();
    chosen.add(new Column("block", 7, row -> Units.size(row.row().blockBytes())));
    if (latency) {
      latency(chosen, references);
    } else {
      throughput(chosen, rounds, references, terminal.width());
    }
    columns = List.copyOf(chosen);
    columns.forEach(column -> table.right(column.heading(), column.width()));
    table.left("content");
  }

  private static void latency(List<Column> columns, List<Reference> references) {
    columns.add(micros("p50", BenchSummary.MEDIAN));
    if (references.stream().anyMatch(Reference::tellsLatency)) {
      columns.add(new Column("reference", 9, BenchReport::referenceMicros));
      columns.add(new Column("ratio", 5, BenchReport::latencyRatio));
    }
    columns.add(micros("p90", BenchSummary.MOST));
    columns.add(micros("p99", BenchSummary.HIGH));
    columns.add(micros("p99.9", BenchSummary.HIGHEST));
    columns.add(micros("p99.99", BenchSummary.RARE));
    columns.add(micros("max us", BenchSummary.WORST));
  }

  private static void throughput(
      List<Column> columns, int rounds, List<Reference> references, int width) {
    boolean full = width >= FULL_WIDTH;
    columns.add(new Column("batch", 7, row -> Units.count(row.row().batch())));
    columns.add(new Column("GB/s", 6, row -> Units.fixed(row.gbPerSecond().median(), 3)));
    if (rounds > 1) {
      columns.add(new Column("from - to", 15, BenchReport::range));
    }
    if (!references.isEmpty()) {
      if (width >= USUAL_WIDTH) {
        columns.add(
            new Column(
                "reference",
                0,
                row ->
                    row.reference()
                        .map(turns -> Units.fixed(turns.gbPerSecond().median(), 3))
                        .orElse("-")));
      }
      columns.add(
          new Column(
              "ratio",
              0,
              row -> row.reference().map(turns -> Units.fixed(row.ratio(turns), 2)).orElse("-")));
    }
    if (full) {
      columns.add(
          new Column(
              "blocks/s",
              9,
              row -> Units.count(Math.round(row.median(BenchResult::blocksPerSecond)))));
    }
    columns.add(micros("p50 us", BenchSummary.MEDIAN));
    if (references.stream().anyMatch(Reference::tellsLatency)) {
      columns.add(new Column("reference us", 0, BenchReport::referenceMicros));
      columns.add(new Column("p50 ratio", 0, BenchReport::latencyRatio));
    }
    columns.add(micros("p99 us", BenchSummary.HIGH));
    if (full) {
      columns.add(micros("p99.9 us", BenchSummary.HIGHEST));
    }
    columns.add(
        new Column("CPU s/GB", 0, row -> Units.fixed(row.median(BenchResult::cpuSecondsPerGb), 3)));
    if (full) {
      columns.add(
          new Column(
              "heap B/block",
              0,
              row -> Units.fixed(row.median(BenchResult::allocatedBytesPerBlock), 1)));
    }
  }

  private static Column micros(String heading, double percentile) {
    return new Column(heading, 8, row -> Units.fixed(row.percentileMicros(percentile), 1));
  }

  private static String range(BenchSummary row) {
    Spread speed = row.gbPerSecond();
    return Units.fixed(speed.min(), 3) + " - " + Units.fixed(speed.max(), 3);
  }

  private static String referenceMicros(BenchSummary row) {
    return row.reference().map(turns -> fixed(turns.p50Micros(), 1)).orElse("-");
  }

  private static String latencyRatio(BenchSummary row) {
    return row.reference().map(turns -> fixed(row.latencyRatio(turns), 2)).orElse("-");
  }

  /** Prints a row, unless a signal has ended the report. */
  synchronized void row(BenchSummary row) {
    if (!ended) {
      print(row);
    }
  }

  private void print(BenchSummary row) {
    if (printed.isEmpty()) {
      table.printHeadings(terminal);
    }
    if (printed.add(row.row())) {
      table.printRow(terminal, cells(row));
      row.problem()
          .ifPresent(problem -> terminal.line("FAILED: " + row.row().label() + ": " + problem));
    }
  }

  /**
   * Prints the rows that are not printed yet, and the explanations.
   *
   * @param explanations lines for below the table
   * @return whether this call ended the report; false if it had ended before
   */
  synchronized boolean end(List<BenchSummary> rows, List<String> explanations) {
    if (ended) {
      return false;
    }
    ended = true;
    rows.forEach(this::print);
    printReferences(rows);
    terminal.line("");
    explanations.forEach(terminal::paragraph);
    return true;
  }

  /** One line for each reference, when a row has several; the table has room for one. */
  private void printReferences(List<BenchSummary> rows) {
    if (rows.stream().noneMatch(row -> row.references().size() > 1)) {
      return;
    }
    Table beside =
        new Table()
            .left("beside")
            .right("GB/s")
            .right("ours")
            .right("ratio")
            .right("p50 us")
            .right("ours")
            .right("ratio")
            .left("row");
    for (BenchSummary row : rows) {
      for (BenchSummary.Turns turns : row.references()) {
        beside.row(
            List.of(
                turns.name(),
                Units.fixed(turns.gbPerSecond().median(), 3),
                Units.fixed(row.gbPerSecond().median(), 3),
                Units.fixed(row.ratio(turns), 2),
                fixed(turns.p50Micros(), 3),
                Units.fixed(row.percentileMicros(BenchSummary.MEDIAN), 3),
                fixed(row.latencyRatio(turns), 2),
                row.row().label()));
      }
    }
    terminal.line("");
    beside.print(terminal);
  }

  private List<String> cells(BenchSummary row) {
    List<String> cells = new ArrayList<>();
    cells.add(row.row().operationName());
    columns.forEach(column -> cells.add(column.cell().apply(row)));
    cells.add(row.problem().isEmpty() ? "verified" : "FAILED");
    return cells;
  }

  private static String fixed(OptionalDouble figure, int digits) {
    return figure.isPresent() ? Units.fixed(figure.getAsDouble(), digits) : "-";
  }
}
