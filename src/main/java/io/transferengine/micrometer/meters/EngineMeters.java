// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.transferengine.exposition.MetricsText;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.MetricsSnapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;

/** The meters of one engine, in any number of registries. Thread-safe. */
public final class EngineMeters implements AutoCloseable {
  static final String PREFIX = "transferengine.";
  static final String FAILURES = PREFIX + "failures";

  private final MetricsText.Source engine;
  private final Tags tags;
  private final Figures figures;
  private final Spans spans;
  private final List<MetricsText.Listening> listening = new ArrayList<>();
  private final List<TransferMeters> transfers = new CopyOnWriteArrayList<>();

  /**
   * In no registry yet. Exemplars have the spans that the application observes.
   *
   * @param tags of each meter
   */
  public EngineMeters(MetricsText.Source engine, Tags tags) {
    this(engine, tags, ObservedSpans::open);
  }

  EngineMeters(MetricsText.Source engine, Tags tags, Spans spans) {
    this.engine = engine;
    this.tags = tags;
    this.spans = spans;
    this.figures = new Figures(engine::metrics);
  }

  /** Adds the meters to a registry. */
  public void bindTo(MeterRegistry registry) {
    TransferMeters made = new TransferMeters(registry, tags, spans);
    MetricsText.Listening added = engine.listen(made);
    synchronized (listening) {
      listening.add(added);
      transfers.add(made);
    }
    for (Counter each : Counter.values()) {
      count(name(each), each.label(), tags, snapshot -> snapshot.get(each), registry);
    }
    for (FailureCause each : FailureCause.values()) {
      count(
          FAILURES,
          "Transfers that did not complete",
          tags.and("cause", each.label().replace(' ', '_')),
          snapshot -> snapshot.get(each),
          registry);
    }
    for (io.transferengine.metrics.Gauge each : io.transferengine.metrics.Gauge.values()) {
      var _ =
          Gauge.builder(name(each), figures, all -> all.now().get(each))
              .strongReference(true)
              .description(each.label())
              .tags(tags)
              .register(registry);
    }
  }

  private interface Figure {
    long of(MetricsSnapshot snapshot);
  }

  private void count(
      String name, String description, Tags all, Figure figure, MeterRegistry registry) {
    // The registry holds what it is given weakly, and the function as long as the meter.
    var _ =
        FunctionCounter.builder(name, figures, _ -> figure.of(figures.now()))
            .description(description)
            .tags(all)
            .register(registry);
  }

  private static String name(Enum<?> figure) {
    return PREFIX + figure.name().toLowerCase(Locale.ROOT).replace('_', '.');
  }

  /** Has the registries count all transfers that have ended before. */
  void catchUp() {
    for (TransferMeters each : transfers) {
      each.catchUp();
    }
  }

  /** Ends the meters of transfers and events. Idempotent. */
  @Override
  public void close() {
    synchronized (listening) {
      listening.forEach(MetricsText.Listening::close);
      listening.clear();
      transfers.clear();
    }
  }
}
