// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Progress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Measures all rows, round after round, each in turns with its references. For one thread; others
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
    final Map<String, List<Reference.Figure>> figures = new LinkedHashMap<>();

    Row(BenchCase measured) {
      this.measured = measured;
    }

    synchronized boolean isMeasured() {
      return !results.isEmpty();
    }

    synchronized boolean isSound() {
      return results.stream().allMatch(result -> result.problem().isEmpty());
    }

    /** Adds a round: all of it, or nothing. */
    synchronized void add(BenchResult result, Map<String, Reference.Figure> found) {
      results.add(result);
      found.forEach(
          (name, figure) -> figures.computeIfAbsent(name, _ -> new ArrayList<>()).add(figure));
    }

    synchronized BenchSummary summary() {
      List<BenchSummary.Turns> turns = new ArrayList<>();
      figures.forEach((name, each) -> turns.add(new BenchSummary.Turns(name, each)));
      return new BenchSummary(measured.row(), results, turns);
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
          ended.accept(row.summary());
        }
      }
    }
    return soFar();
  }

  /** {@return the rows that were measured at least once, in order} */
  List<BenchSummary> soFar() {
    return rows.stream().filter(Row::isMeasured).map(Row::summary).toList();
  }

  private void measure(Row row) {
    Map<String, Reference.Figure> figures = new LinkedHashMap<>();
    for (Reference reference : references) {
      reference.measure(row.measured).ifPresent(figure -> figures.put(reference.name(), figure));
    }
    row.add(row.measured.measure(), figures);
  }
}
