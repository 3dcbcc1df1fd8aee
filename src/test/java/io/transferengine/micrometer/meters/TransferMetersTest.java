// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.transferengine.events.EngineListener;
import io.transferengine.exposition.MetricsText;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.recording.TransferTally;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferState;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Ends of transfers are counted each once, at once or a moment later. */
@Timeout(60)
class TransferMetersTest {
  private static final TraceParent SPAN =
      TraceParent.of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

  private final MeterRegistry registry = new SimpleMeterRegistry();
  private final List<TraceParent> spans = new ArrayList<>();
  private final TransferMeters meters = meters(registry);

  private TransferMeters meters(MeterRegistry of) {
    return new TransferMeters(
        of,
        Tags.empty(),
        span -> {
          spans.add(span);
          return () -> {};
        });
  }

  private static boolean end(TransferTally of, long nanos) {
    return of.ended(
        Operation.WRITE, "tcp", TransferState.COMPLETED, nanos, 10, 2, Optional.empty());
  }

  private long count() {
    return registry.get(TransferMeters.DURATION).timer().count();
  }

  @Test
  void aFewAreCountedAtOnceAndTheRestLater() {
    for (int i = 0; i < TransferMeters.AT_ONCE; i++) {
      assertThat(end(meters, 1)).isFalse();
    }
    assertThat(count()).isEqualTo(TransferMeters.AT_ONCE);
    assertThat(meters.look()).isFalse();
    for (int i = 0; i < TransferMeters.AT_ONCE; i++) {
      end(meters, 1);
    }
    assertThat(count()).isEqualTo(2 * TransferMeters.AT_ONCE);
    assertThat(end(meters, 1)).isFalse();
    assertThat(count()).isEqualTo(2 * TransferMeters.AT_ONCE);
    assertThat(meters.look()).isTrue();
    meters.catchUp();
    assertThat(count()).isEqualTo(2 * TransferMeters.AT_ONCE + 1);
    assertThat(meters.look()).isFalse();
  }

  @Test
  void whereThereIsNoRoomTheyAreCountedAtOnce() {
    for (int i = 0; i < TransferMeters.AT_ONCE; i++) {
      end(meters, 1);
    }
    for (int i = 1; i <= TransferMeters.KEPT_MAX; i++) {
      assertThat(end(meters, 1)).isEqualTo(i >= TransferMeters.KEPT_MAX / 2);
    }
    assertThat(count()).isEqualTo(TransferMeters.AT_ONCE);
    for (int i = 1; i <= 5; i++) {
      assertThat(end(meters, 1)).isTrue();
      assertThat(count()).isEqualTo(TransferMeters.AT_ONCE + i);
    }
    meters.catchUp();
    assertThat(count()).isEqualTo(TransferMeters.AT_ONCE + TransferMeters.KEPT_MAX + 5);
  }

  @Test
  void oneWithATraceIsCountedAtOnceWithinItsSpan() {
    for (int i = 0; i <= TransferMeters.AT_ONCE; i++) {
      end(meters, 1);
    }
    assertThat(
            meters.ended(Operation.READ, "tcp", TransferState.FAILED, 5, 7, 1, Optional.of(SPAN)))
        .isFalse();
    assertThat(spans).containsExactly(SPAN);
    Tags read = Tags.of("direction", "read", "transport", "tcp", "outcome", "failed");
    assertThat(registry.get(TransferMeters.DURATION).tags(read).timer().count()).isOne();
    assertThat(registry.get(TransferMeters.BYTES).tags(read).counter().count()).isEqualTo(7);
    meters.catchUp();
    assertThat(spans).containsExactly(SPAN);
  }

  /** Each kind has its own, and each figure is exact. */
  @Test
  void allAreCountedAmongManyThreads() throws Exception {
    List<String> transports = List.of("tcp", "local", "");
    List<TransferState> states = List.of(TransferState.COMPLETED, TransferState.TIMEOUT);
    int each = 60_000;
    AtomicBoolean isOver = new AtomicBoolean();
    try (ExecutorService executor = Executors.newCachedThreadPool()) {
      List<Future<?>> ending = new ArrayList<>();
      for (Operation operation : Operation.values()) {
        ending.add(
            executor.submit(
                () -> {
                  for (int i = 0; i < each; i++) {
                    String transport = transports.get(i % 3);
                    meters.ended(
                        operation, transport, states.get(i % 2), i, i % 7, 3, Optional.empty());
                  }
                }));
      }
      executor.execute(
          () -> {
            while (!isOver.get()) {
              meters.look();
              meters.catchUp();
            }
          });
      try {
        for (Future<?> one : ending) {
          one.get();
        }
      } finally {
        isOver.set(true);
      }
    }
    meters.catchUp();
    assertThat(registry.get(TransferMeters.DURATION).timers()).hasSize(12);
    for (Operation operation : Operation.values()) {
      for (int kind = 0; kind < 6; kind++) {
        long nanos = 0;
        long bytes = 0;
        for (int i = kind; i < each; i += 6) {
          nanos += i;
          bytes += i % 7;
        }
        String transport = transports.get(kind % 3);
        Tags tags =
            Tags.of("direction", operation.name().toLowerCase(Locale.ROOT))
                .and("transport", transport.isEmpty() ? "none" : transport)
                .and("outcome", states.get(kind % 2).name().toLowerCase(Locale.ROOT));
        Timer timer = registry.get(TransferMeters.DURATION).tags(tags).timer();
        assertThat(timer.count()).as(tags.toString()).isEqualTo(each / 6);
        assertThat(timer.totalTime(TimeUnit.NANOSECONDS)).isEqualTo((double) nanos);
        assertThat(registry.get(TransferMeters.BYTES).tags(tags).counter().count())
            .isEqualTo((double) bytes);
        assertThat(registry.get(TransferMeters.BLOCKS).tags(tags).counter().count())
            .isEqualTo(each / 6 * 3);
      }
    }
  }

  /** Fails with the second that it counts. */
  private static final class Failing extends SimpleMeterRegistry {
    private int counted;

    private final class Broken implements Counter {
      private final Meter.Id id;
      private final Counter inner;

      Broken(Meter.Id id, Counter inner) {
        this.id = id;
        this.inner = inner;
      }

      @Override
      public void increment(double amount) {
        if (++counted == TransferMeters.AT_ONCE + 2) {
          throw new OutOfMemoryError("of this test");
        }
        inner.increment(amount);
      }

      @Override
      public double count() {
        return inner.count();
      }

      @Override
      public Meter.Id getId() {
        return id;
      }
    }

    @Override
    protected Counter newCounter(Meter.Id id) {
      Counter inner = super.newCounter(id);
      return id.getName().equals(TransferMeters.BYTES) ? new Broken(id, inner) : inner;
    }
  }

  @Test
  void aRegistryThatFailsWithOneCountsTheOthers() {
    MeterRegistry failing = new Failing();
    TransferMeters of = meters(failing);
    try (LogCapture log = new LogCapture()) {
      for (int i = 0; i < TransferMeters.AT_ONCE + 4; i++) {
        end(of, 1);
      }
      of.catchUp();
      assertThat(log.warnings())
          .anyMatch(line -> line.startsWith("Recording the end of a transfer failed"));
    }
    assertThat(failing.get(TransferMeters.BYTES).counter().count())
        .isEqualTo(10.0 * (TransferMeters.AT_ONCE + 3));
    assertThat(of.look()).isFalse();
  }

  /** An engine of which only its meters are there. */
  private static final class Source implements MetricsText.Source {
    private final List<TransferTally> listeners = new ArrayList<>();

    @Override
    public MetricsSnapshot metrics() {
      return MetricsSnapshot.builder().build();
    }

    @Override
    public MetricsText.Listening listen(EngineListener listener) {
      listeners.add((TransferTally) listener);
      return () -> {};
    }
  }

  @Test
  void aTextHasAllThatHaveEnded() {
    Source engine = new Source();
    try (PrometheusText text = PrometheusText.of(engine)) {
      for (int i = 1; i <= 10 * TransferMeters.AT_ONCE; i++) {
        end(engine.listeners.getFirst(), 1);
        if (i % 150 == 0) {
          assertThat(new String(text.now(MetricsText.Form.PLAIN), StandardCharsets.UTF_8))
              .contains(
                  "transferengine_transfer_duration_seconds_count"
                      + "{direction=\"write\",outcome=\"completed\",transport=\"tcp\"} "
                      + i
                      + "\n");
        }
      }
    }
  }
}
