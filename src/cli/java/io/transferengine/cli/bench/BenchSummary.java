// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * All rounds of one row. Each figure is the median of the rounds.
 *
 * @param results one for each round, at least one
 * @param references the programs that took turns and have figures for such rows
 */
record BenchSummary(BenchRow row, List<BenchResult> results, List<Turns> references) {
  static final double MEDIAN = 50;
  static final double MOST = 90;
  static final double HIGH = 99;
  static final double HIGHEST = 99.9;
  static final double RARE = 99.99;
  static final double WORST = 100;

  BenchSummary {
    results = List.copyOf(results);
    references = List.copyOf(references);
  }

  /** The results of a reference, in turns with ours. */
  record Turns(String name, List<Reference.Figure> figures) {
    Turns {
      figures = List.copyOf(figures);
    }

    Spread gbPerSecond() {
      return Spread.of(figures.stream().map(Reference.Figure::gbPerSecond).toList());
    }

    /** {@return the median, if the program tells it} */
    OptionalDouble cpuSecondsPerGb() {
      return median(Reference.Figure::cpuSecondsPerGb);
    }

    /** {@return the median over the rounds, if the program tells it} */
    OptionalDouble p50Micros() {
      return median(Reference.Figure::p50Micros);
    }

    private OptionalDouble median(Function<Reference.Figure, OptionalDouble> part) {
      List<Double> known = new ArrayList<>();
      figures.forEach(figure -> part.apply(figure).ifPresent(known::add));
      return known.isEmpty()
          ? OptionalDouble.empty()
          : OptionalDouble.of(Spread.of(known).median());
    }
  }

  Spread gbPerSecond() {
    return spread(BenchResult::gbPerSecond);
  }

  double median(ToDoubleFunction<BenchResult> figure) {
    return spread(figure).median();
  }

  double percentileMicros(double percentile) {
    return median(result -> result.percentileMicros(percentile));
  }

  /** {@return the first of the references} */
  Optional<Turns> reference() {
    return references.stream().findFirst();
  }

  /** {@return our median throughput divided by a reference's} */
  double ratio(Turns reference) {
    return gbPerSecond().median() / reference.gbPerSecond().median();
  }

  /** {@return our median latency divided by a reference's, if it tells it; smaller is better} */
  OptionalDouble latencyRatio(Turns reference) {
    OptionalDouble theirs = reference.p50Micros();
    return theirs.isEmpty()
        ? theirs
        : OptionalDouble.of(percentileMicros(MEDIAN) / theirs.getAsDouble());
  }

  /** {@return the first problem} */
  Optional<String> problem() {
    return results.stream().map(BenchResult::problem).flatMap(Optional::stream).findFirst();
  }

  private Spread spread(ToDoubleFunction<BenchResult> figure) {
    Collection<Double> figures = results.stream().mapToDouble(figure).boxed().toList();
    return Spread.of(figures);
  }
}
