// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.transferengine.Engine;
import io.transferengine.EngineListening;
import io.transferengine.events.EngineListener;
import io.transferengine.exposition.MetricsText;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.micrometer.meters.EngineMeters;
import java.util.List;
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
 * <p>If more than some thousand transfers end in a second, the first three meters may be a tenth of
 * a second behind, since another thread than the one that ends a transfer records it. None is left
 * out, and {@link #close()} or the end of the engine records the rest. One with a trace is recorded
 * at once.
 *
 * <p>Meters keep the engine in memory, and go on after its end with the figures that it had. If
 * there are several engines in a registry, give each a tag of its own. Thread-safe.
 */
@SuppressWarnings("exports") // of Micrometer, which is no named module: who calls this has it
public final class TransferEngineMetrics implements MeterBinder, AutoCloseable {
  private final EngineMeters meters;

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
    Objects.requireNonNull(engine, "engine must not be null");
    Objects.requireNonNull(tags, "tags must not be null");
    this.meters = new EngineMeters(source(engine), Tags.of(tags));
  }

  private static MetricsText.Source source(Engine engine) {
    return new MetricsText.Source() {
      @Override
      public MetricsSnapshot metrics() {
        return engine.metrics();
      }

      @Override
      public MetricsText.Listening listen(EngineListener listener) {
        EngineListening listening = engine.listen(listener);
        return listening::close;
      }
    };
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
    meters.bindTo(registry);
  }

  /**
   * Ends the meters of transfers and events, which have all transfers then that had ended before.
   * The others stay in their registries. Idempotent.
   */
  @Override
  public void close() {
    meters.close();
  }
}
