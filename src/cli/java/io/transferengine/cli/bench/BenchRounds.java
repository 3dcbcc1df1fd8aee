// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Progress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Measures all rows, round after round, each in turns with its reference. For one thread; others
 * may only read the rows so far.
 */
final class BenchRounds {
  private final List<Reference> references;
  private final int rounds;
  private final List<Row> rows;

  BenchRounds(List<Reference> references, int rounds, List<BenchCase> cases) {
    this.references = List.copyOf(references);
    this.rounds = rounds;
    rows = cases.stream().map(Row::new).toList();
  }

  /** The results of a row so far. */
  private static final class Row {
    final BenchCase measured;
    final List<BenchResult> results = new ArrayList<>();
    final List<Reference.Figure> figures = new ArrayList<>();
    String reference = "";

    Row(BenchCase measured) {
      this.measured = measured;
    }

    synchronized boolean isMeasured() {
      return !results.isEmpty();
    }

    synchronized boolean isSound() {
      return results.stream().allMatch(result -> result.problem().isEmpty());
    }

    /** Adds a round: both, or none. */
    synchronized void add(BenchResult result, Optional<Reference.Figure> figure, String name) {
      results.add(result);
      figure.ifPresent(
          found -> {
            figures.add(found);
            reference = name;
          });
    }
  }

  /**
   * {@return the rows in order; a row that failed is not measured again}
   *
   * @param ended gets each row in the last round, when it has been measured
   */
  List<BenchSummary> run(Progress progress, Consumer<BenchSummary> ended) {
    for (int round = 0; round < rounds; round++) {
      references.forEach(Reference::beginRound);
      for (Row row : rows) {
        if (row.isSound()) {
          measure(row);
        }
        progress.step(row.measured.row().label());
        if (round == rounds - 1) {
          ended.accept(summary(row));
        }
      }
    }
    return soFar();
  }

  /** {@return the rows that were measured at least once, in order} */
  List<BenchSummary> soFar() {
    return rows.stream().filter(Row::isMeasured).map(BenchRounds::summary).toList();
  }

  private void measure(Row row) {
    Optional<Reference.Figure> figure = Optional.empty();
    String name = "";
    for (Reference reference : references) {
      figure = reference.measure(row.measured.row());
      name = reference.name();
      if (figure.isPresent()) {
        break;
      }
    }
    row.add(row.measured.measure(), figure, name);
  }

  private static BenchSummary summary(Row row) {
    synchronized (row) {
      return new BenchSummary(
          row.measured.row(),
          row.results,
          row.figures.isEmpty()
              ? Optional.empty()
              : Optional.of(new BenchSummary.Turns(row.reference, row.figures)));
    }
  }
}
