// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Table;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.console.Units;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
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
  /** The rank of a column that is never left out. */
  private static final int ALWAYS = 0;

  private static final int GAP = "  ".length();
  private static final int OPERATION = "write".length();
  private static final int CONTENT = "verified".length();

  private final Terminal terminal;
  private final List<Column> columns;
  private final Table table = new Table();
  private final Set<BenchRow> printed = new HashSet<>();
  private boolean ended;

  /**
   * A column of numbers.
   *
   * @param rank where the terminal is too narrow for all, those of the highest ranks are left out;
   *     JSON has all
   */
  private record Column(String heading, int width, int rank, Function<BenchSummary, String> cell) {
    int room() {
      return GAP + Math.max(heading.length(), width);
    }
  }

  /**
   * @param rounds over which figures are medians
   * @param references the programs to compare with
   * @param latency whether percentiles matter, and throughput does not
   */
  BenchReport(Terminal terminal, int rounds, List<Reference> references, boolean latency) {
    this.terminal = terminal;
    List<Column> chosen = new ArrayList<>();
    chosen.add(new Column("block", 7, ALWAYS, row -> Units.size(row.row().blockBytes())));
    if (latency) {
      latency(chosen, references);
    } else {
      throughput(chosen, rounds, references);
    }
    leaveOut(chosen, terminal.width());
    columns = List.copyOf(chosen);
    table.left("op", OPERATION);
    columns.forEach(column -> table.right(column.heading(), column.width()));
    table.left("content");
  }

  /** Leaves out columns until a line fits, or no more may be left out. */
  private static void leaveOut(List<Column> columns, int width) {
    Column least = Collections.max(columns, Comparator.comparingInt(Column::rank));
    while (least.rank() > ALWAYS && lineWidth(columns) > width) {
      columns.remove(least);
      least = Collections.max(columns, Comparator.comparingInt(Column::rank));
    }
  }

  private static int lineWidth(List<Column> columns) {
    return OPERATION + columns.stream().mapToInt(Column::room).sum() + GAP + CONTENT;
  }

  private static void latency(List<Column> columns, List<Reference> references) {
    columns.add(micros("p50", BenchSummary.MEDIAN, ALWAYS));
    if (references.stream().anyMatch(Reference::tellsLatency)) {
      columns.add(new Column("reference", 9, ALWAYS, BenchReport::referenceMicros));
      columns.add(new Column("ratio", 5, ALWAYS, BenchReport::latencyRatio));
    }
    columns.add(micros("p90", BenchSummary.MOST, 2));
    columns.add(micros("p99", BenchSummary.HIGH, ALWAYS));
    columns.add(micros("p99.9", BenchSummary.HIGHEST, 1));
    columns.add(micros("p99.99", BenchSummary.RARE, 3));
    columns.add(micros("max us", BenchSummary.WORST, ALWAYS));
  }

  private static void throughput(List<Column> columns, int rounds, List<Reference> references) {
    columns.add(new Column("batch", 7, ALWAYS, row -> Units.count(row.row().batch())));
    columns.add(new Column("GB/s", 6, ALWAYS, row -> Units.fixed(row.gbPerSecond().median(), 3)));
    if (rounds > 1) {
      columns.add(new Column("from-to", 11, ALWAYS, BenchReport::range));
    }
    if (!references.isEmpty()) {
      columns.add(new Column("reference", 0, 4, BenchReport::referenceSpeed));
      columns.add(new Column("ratio", 0, ALWAYS, BenchReport::speedRatio));
    }
    columns.add(
        new Column(
            "blocks/s",
            9,
            5,
            row -> Units.count(Math.round(row.median(BenchResult::blocksPerSecond)))));
    columns.add(micros("p50 us", BenchSummary.MEDIAN, ALWAYS));
    if (references.stream().anyMatch(Reference::tellsLatency)) {
      columns.add(new Column("reference us", 0, 3, BenchReport::referenceMicros));
      columns.add(new Column("ratio", 0, ALWAYS, BenchReport::latencyRatio));
    }
    columns.add(micros("p99 us", BenchSummary.HIGH, 1));
    columns.add(micros("p99.9 us", BenchSummary.HIGHEST, 6));
    columns.add(
        new Column(
            "CPU s/GB", 0, 2, row -> Units.fixed(row.median(BenchResult::cpuSecondsPerGb), 3)));
    columns.add(
        new Column(
            "heap B/block",
            0,
            7,
            row -> Units.fixed(row.median(BenchResult::allocatedBytesPerBlock), 1)));
  }

  private static Column micros(String heading, double percentile, int rank) {
    return new Column(heading, 7, rank, row -> Units.fixed(row.percentileMicros(percentile), 1));
  }

  private static String range(BenchSummary row) {
    Spread speed = row.gbPerSecond();
    return Units.fixed(speed.min(), 3) + "-" + Units.fixed(speed.max(), 3);
  }

  private static String referenceSpeed(BenchSummary row) {
    return row.reference().map(turns -> Units.fixed(turns.gbPerSecond().median(), 3)).orElse("-");
  }

  private static String speedRatio(BenchSummary row) {
    return row.reference().map(turns -> Units.fixed(row.ratio(turns), 2)).orElse("-");
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
