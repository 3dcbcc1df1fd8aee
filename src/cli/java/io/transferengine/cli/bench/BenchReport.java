// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Table;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.console.Units;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The figures as a table.
 *
 * @param rounds over which figures are medians
 * @param explanations lines for below the table
 */
record BenchReport(List<BenchSummary> rows, int rounds, List<String> explanations) {
  BenchReport {
    rows = List.copyOf(rows);
    explanations = List.copyOf(explanations);
  }

  void print(Terminal terminal) {
    boolean referenced = rows.stream().anyMatch(row -> row.reference().isPresent());
    Table table = new Table().left("operation").right("block").right("batch").right("GB/s");
    if (rounds > 1) {
      table.right("from - to");
    }
    if (referenced) {
      table.right("reference").right("ratio");
    }
    table.right("blocks/s").right("p50 us");
    boolean timed = rows.stream().anyMatch(row -> row.latencyRatio().isPresent());
    if (timed) {
      table.right("reference us").right("p50 ratio");
    }
    table.right("p99 us").right("p99.9 us");
    table.right("CPU s/GB").right("heap B/block").left("content");
    rows.forEach(row -> table.row(cells(row, referenced, timed)));
    table.print(terminal);
    for (BenchSummary row : rows) {
      row.problem()
          .ifPresent(problem -> terminal.line("FAILED: " + row.row().label() + ": " + problem));
    }
    terminal.line("");
    explanations.forEach(terminal::line);
  }

  private List<String> cells(BenchSummary row, boolean referenced, boolean timed) {
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
    cells.add(Units.count(Math.round(row.median(BenchResult::blocksPerSecond))));
    cells.add(Units.fixed(row.percentileMicros(BenchSummary.MEDIAN), 1));
    if (timed) {
      cells.add(fixed(row.referenceP50Micros(), 1));
      cells.add(fixed(row.latencyRatio(), 2));
    }
    cells.add(Units.fixed(row.percentileMicros(BenchSummary.HIGH), 1));
    cells.add(Units.fixed(row.percentileMicros(BenchSummary.HIGHEST), 1));
    cells.add(Units.fixed(row.median(BenchResult::cpuSecondsPerGb), 3));
    cells.add(Units.fixed(row.median(BenchResult::allocatedBytesPerBlock), 1));
    cells.add(row.problem().isEmpty() ? "verified" : "FAILED");
    return cells;
  }

  private static String fixed(OptionalDouble figure, int digits) {
    return figure.isPresent() ? Units.fixed(figure.getAsDouble(), digits) : "-";
  }
}
