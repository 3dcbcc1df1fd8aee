// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Progress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Measures all rows, round after round, each in turns with its reference. */
final class BenchRounds {
  private final List<Reference> references;
  private final int rounds;

  BenchRounds(List<Reference> references, int rounds) {
    this.references = List.copyOf(references);
    this.rounds = rounds;
  }

  /** What is known of a row so far. */
  private static final class Row {
    final BenchCase measured;
    final List<BenchResult> results = new ArrayList<>();
    final List<Reference.Figure> figures = new ArrayList<>();
    String reference = "";

    Row(BenchCase measured) {
      this.measured = measured;
    }
  }

  /** {@return the rows in order; a row that failed is not measured again} */
  List<BenchSummary> run(List<BenchCase> cases, Progress progress) {
    List<Row> rows = cases.stream().map(Row::new).toList();
    for (int round = 0; round < rounds; round++) {
      references.forEach(Reference::beginRound);
      for (Row row : rows) {
        if (row.results.stream().allMatch(result -> result.problem().isEmpty())) {
          measure(row);
        }
        progress.step(row.measured.row().label());
      }
    }
    return rows.stream().map(BenchRounds::summary).toList();
  }

  private void measure(Row row) {
    for (Reference reference : references) {
      Optional<Reference.Figure> figure = reference.measure(row.measured.row());
      if (figure.isPresent()) {
        row.figures.add(figure.get());
        row.reference = reference.name();
        break;
      }
    }
    row.results.add(row.measured.measure());
  }

  private static BenchSummary summary(Row row) {
    return new BenchSummary(
        row.measured.row(),
        row.results,
        row.figures.isEmpty()
            ? Optional.empty()
            : Optional.of(new BenchSummary.Turns(row.reference, row.figures)));
  }
}
