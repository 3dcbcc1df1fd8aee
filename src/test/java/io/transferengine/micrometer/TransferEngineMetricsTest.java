// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Transfer;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An engine in registries. */
@Timeout(120)
class TransferEngineMetricsTest {
  private static Engine open() {
    return Engine.open(
        EngineConfig.builder("127.0.0.1")
            .protocol("tcp")
            .local(LocalMode.OFF)
            .listenAddress("127.0.0.1")
            .build());
  }

  private static TransferState end(Transfer transfer) throws InterruptedException {
    return transfer.await(Duration.ofSeconds(30));
  }

  /** A write that completes, and a read that is refused. */
  private static void work(Engine engine, Engine peer) throws InterruptedException {
    try (var here = engine.allocate(8192);
        var there = peer.allocate(8192)) {
      assertThat(end(transfer(engine, peer, Operation.WRITE, here.address(), there.address())))
          .isEqualTo(TransferState.COMPLETED);
      assertThat(end(transfer(engine, peer, Operation.READ, here.address(), 4096)))
          .isEqualTo(TransferState.FAILED);
    }
  }

  private static Transfer transfer(
      Engine engine, Engine peer, Operation operation, long local, long remote) {
    BlockColumns blocks =
        BlockColumns.of(
            new long[] {local, local + 4096},
            new long[] {remote, remote + 4096},
            new long[] {100, 200});
    return engine.submit(TransferRequest.of(operation, peer.segmentName(), blocks));
  }

  @Test
  void transfersAreTimedByDirectionTransportAndOutcome() throws InterruptedException {
    MeterRegistry registry = new SimpleMeterRegistry();
    try (Engine engine = open();
        Engine peer = open()) {
      TransferEngineMetrics metrics = new TransferEngineMetrics(engine, Tags.of("node", "a"));
      metrics.bindTo(registry);
      work(engine, peer);

      Tags written =
          Tags.of("node", "a", "direction", "write", "transport", "tcp", "outcome", "completed");
      Timer timer = registry.get("transferengine.transfer.duration").tags(written).timer();
      assertThat(timer.count()).isEqualTo(1);
      assertThat(timer.totalTime(TimeUnit.NANOSECONDS)).isPositive();
      assertThat(counter(registry, "transferengine.transfer.bytes", written)).isEqualTo(300);
      assertThat(counter(registry, "transferengine.transfer.blocks", written)).isEqualTo(2);
      Tags refused =
          Tags.of("node", "a", "direction", "read", "transport", "tcp", "outcome", "failed");
      assertThat(registry.get("transferengine.transfer.duration").tags(refused).timer().count())
          .isEqualTo(1);
      assertThat(counter(registry, "transferengine.transfer.bytes", refused)).isZero();
      assertThat(registry.find("transferengine.transfer.duration").timers()).hasSize(2);

      // A thread of its own tells of them.
      Tags up = Tags.of("node", "a", "kind", "path_up", "transport", "tcp");
      Tags answered = Tags.of("node", "a", "outcome", "completed");
      await()
          .until(
              () ->
                  registry.find("transferengine.events").tags(up).counter() != null
                      && registry.find("transferengine.handshake.duration").tags(answered).timer()
                          != null);
      metrics.close();
      metrics.close();
      work(engine, peer);
      assertThat(timer.count()).isEqualTo(1);
    }
  }

  private static double counter(MeterRegistry registry, String name, Tags tags) {
    return registry.get(name).tags(tags).counter().count();
  }

  @Test
  void eachCounterGaugeAndCauseIsAMeter() throws InterruptedException {
    MeterRegistry registry = new SimpleMeterRegistry();
    try (Engine engine = open();
        Engine peer = open()) {
      work(engine, peer);
      try (TransferEngineMetrics metrics = new TransferEngineMetrics(engine)) {
        metrics.bindTo(registry);

        await().untilAsserted(() -> isAll(registry, engine.metrics()));
        assertThat(registry.get("transferengine.transfers.failed").functionCounter().count())
            .isEqualTo(1);
      }
    }
  }

  /** More of them than are counted at once. */
  @Test
  void theEndOfTheMetersOrOfTheEngineCountsAllThatHaveEnded() throws InterruptedException {
    int transfers = 2000;
    MeterRegistry first = new SimpleMeterRegistry();
    MeterRegistry second = new SimpleMeterRegistry();
    MeterRegistry third = new SimpleMeterRegistry();
    try (Engine engine = open();
        Engine peer = open();
        var here = engine.allocate(8192);
        var there = peer.allocate(8192)) {
      TransferEngineMetrics closed = new TransferEngineMetrics(engine);
      closed.bindTo(first);
      new TransferEngineMetrics(engine).bindTo(second);
      new TransferEngineMetrics(engine).bindTo(third);
      List<Transfer> all = new ArrayList<>();
      for (int i = 0; i < transfers; i++) {
        all.add(transfer(engine, peer, Operation.WRITE, here.address(), there.address()));
      }
      for (Transfer each : all) {
        assertThat(end(each)).isEqualTo(TransferState.COMPLETED);
      }
      closed.close();
      assertThat(first.get("transferengine.transfer.duration").timer().count())
          .isEqualTo(transfers);
      assertThat(first.get("transferengine.transfer.bytes").counter().count())
          .isEqualTo(300.0 * transfers);
      // A moment later in any case.
      await()
          .untilAsserted(
              () ->
                  assertThat(second.get("transferengine.transfer.duration").timer().count())
                      .isEqualTo(transfers));
      for (int i = 0; i < 1000; i++) {
        assertThat(end(transfer(engine, peer, Operation.WRITE, here.address(), there.address())))
            .isEqualTo(TransferState.COMPLETED);
      }
    }
    assertThat(third.get("transferengine.transfer.duration").timer().count())
        .isEqualTo(transfers + 1000);
  }

  /** Some may change between the looks. */
  private static void isAll(MeterRegistry registry, MetricsSnapshot figures) {
    for (var each : io.transferengine.metrics.Counter.values()) {
      assertThat(registry.get(name(each)).functionCounter().count())
          .as(name(each))
          .isEqualTo((double) figures.get(each));
    }
    for (Gauge each : Gauge.values()) {
      assertThat(registry.get(name(each)).gauge().value()).isEqualTo((double) figures.get(each));
    }
    for (FailureCause each : FailureCause.values()) {
      Tags cause = Tags.of("cause", each.label().replace(' ', '_'));
      assertThat(registry.get("transferengine.failures").tags(cause).functionCounter().count())
          .as(each.label())
          .isEqualTo((double) figures.get(each));
    }
  }

  /** The documented call keeps nothing of what binds them. */
  @Test
  void metersLiveAsLongAsTheirRegistry() throws InterruptedException {
    MeterRegistry registry = new SimpleMeterRegistry();
    try (Engine engine = open();
        Engine peer = open()) {
      new TransferEngineMetrics(engine).bindTo(registry);
      work(engine, peer);
      WeakReference<Object> probe = new WeakReference<>(new Object());
      await()
          .until(
              () -> {
                System.gc();
                return probe.refersTo(null);
              });
      await()
          .untilAsserted(
              () ->
                  assertThat(
                          registry
                              .get("transferengine.transfers.completed")
                              .functionCounter()
                              .count())
                      .isEqualTo(1));
      assertThat(registry.get("transferengine.staging.bytes.in.use").gauge().value())
          .isNotNegative();
    }
  }

  private static String name(Enum<?> figure) {
    return "transferengine." + figure.name().toLowerCase(Locale.ROOT).replace('_', '.');
  }

  /** What Prometheus fetches: each line has the form that it reads. */
  @Test
  void prometheusGetsTextThatItReads() throws InterruptedException {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    try (Engine engine = open();
        Engine peer = open();
        TransferEngineMetrics metrics = new TransferEngineMetrics(engine)) {
      metrics.bindTo(registry);
      work(engine, peer);
      // A thread of its own tells of them.
      await()
          .until(
              () ->
                  registry.find("transferengine.handshake.duration").timer() != null
                      && registry.find("transferengine.events").counter() != null);

      List<String> lines = registry.scrape().lines().toList();
      Pattern sample =
          Pattern.compile("[a-z_]+(\\{([a-z_]+=\"[^\"\\\\]*\",?)*})? [-+0-9.eE]+|# (HELP|TYPE) .*");
      assertThat(lines).allMatch(line -> sample.matcher(line).matches());
      assertThat(lines)
          .anyMatch(
              line ->
                  line.startsWith("transferengine_transfer_duration_seconds_bucket{")
                      && line.contains("transport=\"tcp\""))
          .contains(
              "transferengine_transfer_duration_seconds_count"
                  + "{direction=\"write\",outcome=\"completed\",transport=\"tcp\"} 1",
              "transferengine_transfers_completed_total 1.0",
              "transferengine_failures_total{cause=\"remote_refused\"} 1.0");
      Set<String> names =
          lines.stream()
              .filter(line -> line.startsWith("# TYPE "))
              .map(line -> line.split(" ", -1)[2])
              .collect(Collectors.toSet());
      assertThat(names)
          .hasSize(
              io.transferengine.metrics.Counter.values().length
                  + Gauge.values().length
                  + List.of("duration", "duration max", "bytes", "blocks", "failures").size()
                  + List.of("handshake duration", "handshake duration max", "events").size());
    }
  }
}
