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
 * @param reference the program that took turns, and its figures; empty without one
 */
record BenchSummary(BenchRow row, List<BenchResult> results, Optional<Turns> reference) {
  static final double MEDIAN = 50;
  static final double HIGH = 99;
  static final double HIGHEST = 99.9;

  BenchSummary {
    results = List.copyOf(results);
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

  /** {@return our median throughput divided by the reference's} */
  OptionalDouble ratio() {
    return reference.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(gbPerSecond().median() / reference.get().gbPerSecond().median());
  }

  /** {@return the reference's median latency, if it tells it} */
  OptionalDouble referenceP50Micros() {
    return reference.isEmpty() ? OptionalDouble.empty() : reference.get().p50Micros();
  }

  /** {@return our median latency divided by the reference's; smaller is better} */
  OptionalDouble latencyRatio() {
    OptionalDouble theirs = referenceP50Micros();
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
