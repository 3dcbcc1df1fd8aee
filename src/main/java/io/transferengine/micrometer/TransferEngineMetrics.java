// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.transferengine.Engine;
import io.transferengine.EngineListening;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.MetricsSnapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * Meters of one engine, for the registries of an application:
 *
 * <pre>{@code
 * new TransferEngineMetrics(engine).bindTo(registry);
 * }</pre>
 *
 * <p>{@code transferengine.transfer.duration} (a timer with a histogram), {@code
 * transferengine.transfer.bytes} and {@code transferengine.transfer.blocks} have the tags {@code
 * direction} (read, write), {@code transport} (tcp, rdma, local, several, none) and {@code outcome}
 * (completed, failed, timeout, canceled). {@code transferengine.failures} has the tag {@code
 * cause}, one for each {@link FailureCause}. Each {@link Counter} is a counter, and each {@link
 * io.transferengine.metrics.Gauge} a gauge, under its name in lower case, with dots: {@code
 * transferengine.staging.dry}. {@code transferengine.handshake.duration} has the tag {@code
 * outcome} (completed, failed), {@code transferengine.events} the tags {@code kind}, one for each
 * {@link io.transferengine.events.EngineEvent.Kind}, and {@code transport}. No tag has values that
 * peers choose.
 *
 * <p>Meters keep the engine in memory, and go on after its end with the figures that it had. If
 * there are several engines in a registry, give each a tag of its own. Thread-safe.
 */
@SuppressWarnings("exports") // of Micrometer, which is no named module: who calls this has it
public final class TransferEngineMetrics implements MeterBinder, AutoCloseable {
  static final String PREFIX = "transferengine.";
  static final String FAILURES = PREFIX + "failures";

  private final Engine engine;
  private final Tags tags;
  private final Figures figures;
  private final List<EngineListening> listening = new ArrayList<>();

  /**
   * Meters without tags in common.
   *
   * @param engine which is open
   */
  public TransferEngineMetrics(Engine engine) {
    this(engine, List.of());
  }

  /**
   * Meters with tags in common.
   *
   * @param engine which is open
   * @param tags of each of its meters, such as its name
   */
  public TransferEngineMetrics(Engine engine, Iterable<Tag> tags) {
    this.engine = Objects.requireNonNull(engine, "engine must not be null");
    this.tags = Tags.of(Objects.requireNonNull(tags, "tags must not be null"));
    this.figures = new Figures(engine::metrics);
  }

  /**
   * Adds the meters to a registry. Transfers that have ended before are in its counters, but not in
   * the meters of transfers.
   *
   * @param registry where they go
   * @throws io.transferengine.transfer.TransferException CLOSED if the engine was closed
   */
  @Override
  public void bindTo(MeterRegistry registry) {
    Objects.requireNonNull(registry, "registry must not be null");
    EngineListening added = engine.listen(new TransferMeters(registry, tags));
    synchronized (listening) {
      listening.add(added);
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

  /** Ends the meters of transfers. The others stay in their registries. Idempotent. */
  @Override
  public void close() {
    synchronized (listening) {
      listening.forEach(EngineListening::close);
      listening.clear();
    }
  }
}
