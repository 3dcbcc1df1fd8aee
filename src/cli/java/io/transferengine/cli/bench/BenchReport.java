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

/**
 * The figures as a table. Each row is printed when it ends. Thread-safe: a signal may end the table
 * while a row is printed.
 */
final class BenchReport {
  /** A narrower terminal gets only the most important columns; JSON has all of them. */
  private static final int FULL_WIDTH = 120;

  private final Terminal terminal;
  private final int rounds;
  private final boolean referenced;
  private final boolean timed;
  private final boolean full;
  private final Table table;
  private final Set<BenchRow> printed = new HashSet<>();
  private boolean ended;

  /**
   * @param rounds over which figures are medians
   * @param references the programs to compare with
   */
  BenchReport(Terminal terminal, int rounds, List<Reference> references) {
    this.terminal = terminal;
    this.rounds = rounds;
    referenced = !references.isEmpty();
    full = terminal.width() >= FULL_WIDTH;
    timed = references.stream().anyMatch(Reference::tellsLatency);
    table = new Table().left("operation").right("block", 7).right("batch", 7).right("GB/s", 6);
    if (rounds > 1) {
      table.right("from - to", 15);
    }
    if (referenced) {
      table.right("reference").right("ratio");
    }
    if (full) {
      table.right("blocks/s", 9);
    }
    table.right("p50 us", 8);
    if (timed) {
      table.right("reference us").right("p50 ratio");
    }
    table.right("p99 us", 8);
    if (full) {
      table.right("p99.9 us", 8);
    }
    table.right("CPU s/GB");
    if (full) {
      table.right("heap B/block");
    }
    table.left("content");
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
    terminal.line("");
    explanations.forEach(terminal::line);
    return true;
  }

  private List<String> cells(BenchSummary row) {
    Spread speed = row.gbPerSecond();
    List<String> cells = new ArrayList<>();
    cells.add(row.row().operationName());
    cells.add(Units.size(row.row().blockBytes()));
    cells.add(Units.count(row.row().batch()));
    cells.add(Units.fixed(speed.median(), 3));
    if (rounds > 1) {
      cells.add(Units.fixed(speed.min(), 3) + " - " + Units.fixed(speed.max(), 3));
    }
    if (referenced) {
      cells.add(
          row.reference().map(turns -> Units.fixed(turns.gbPerSecond().median(), 3)).orElse("-"));
      cells.add(fixed(row.ratio(), 2));
    }
    if (full) {
      cells.add(Units.count(Math.round(row.median(BenchResult::blocksPerSecond))));
    }
    cells.add(Units.fixed(row.percentileMicros(BenchSummary.MEDIAN), 1));
    if (timed) {
      cells.add(fixed(row.referenceP50Micros(), 1));
      cells.add(fixed(row.latencyRatio(), 2));
    }
    cells.add(Units.fixed(row.percentileMicros(BenchSummary.HIGH), 1));
    if (full) {
      cells.add(Units.fixed(row.percentileMicros(BenchSummary.HIGHEST), 1));
    }
    cells.add(Units.fixed(row.median(BenchResult::cpuSecondsPerGb), 3));
    if (full) {
      cells.add(Units.fixed(row.median(BenchResult::allocatedBytesPerBlock), 1));
    }
    cells.add(row.problem().isEmpty() ? "verified" : "FAILED");
    return cells;
  }

  private static String fixed(OptionalDouble figure, int digits) {
    return figure.isPresent() ? Units.fixed(figure.getAsDouble(), digits) : "-";
  }
}
