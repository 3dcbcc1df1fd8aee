// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.PeerSnapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class EngineMetricsTest {
  private final EngineMetrics metrics = new EngineMetrics();

  @Test
  void everyCounterAndCauseStartsAtZeroAndCountsAlone() {
    for (Counter counter : Counter.values()) {
      assertThat(metrics.snapshot().get(counter)).isZero();
      metrics.add(counter, 7);
      metrics.increment(counter);
      assertThat(metrics.snapshot().get(counter)).isEqualTo(8);
    }
    for (FailureCause cause : FailureCause.values()) {
      assertThat(metrics.snapshot().get(cause)).isZero();
      metrics.failed(cause);
      assertThat(metrics.snapshot().get(cause)).isOne();
    }
    for (Gauge gauge : Gauge.values()) {
      assertThat(metrics.snapshot().get(gauge)).isZero();
      metrics.change(gauge, 7);
      metrics.change(gauge, -2);
      assertThat(metrics.snapshot().get(gauge)).isEqualTo(5);
    }
    assertThat(metrics.snapshot().counters()).containsOnlyKeys(Counter.values());
    assertThat(metrics.snapshot().gauges()).containsOnlyKeys(Gauge.values());
    assertThat(metrics.snapshot().failures()).containsOnlyKeys(FailureCause.values());
  }

  @Test
  void labelsAreThereAndDiffer() {
    assertThat(Stream.of(Counter.values()).map(Counter::label))
        .doesNotHaveDuplicates()
        .allMatch(l -> !l.isBlank());
    assertThat(Stream.of(Gauge.values()).map(Gauge::label))
        .doesNotHaveDuplicates()
        .allMatch(l -> !l.isBlank());
    assertThat(Stream.of(FailureCause.values()).map(FailureCause::label))
        .doesNotHaveDuplicates()
        .allMatch(l -> !l.isBlank());
  }

  @Test
  void aPeerHasItsOwnFigures() {
    metrics.peer("a:1").addBytesWritten(10);
    metrics.peer("a:1").addBytesRead(20);
    metrics.peer("a:1").transferCompleted();
    metrics.peer("b:2").transferFailed();

    assertThat(metrics.snapshot().peers())
        .containsOnlyKeys("a:1", "b:2")
        .containsEntry(
            "a:1",
            PeerSnapshot.builder().bytesWritten(10).bytesRead(20).transfersCompleted(1).build())
        .containsEntry("b:2", PeerSnapshot.builder().transfersFailed(1).build());
  }

  @Test
  void peersBeyondTheLimitCountTogether() {
    for (int i = 0; i < MetricsSnapshot.PEER_LIMIT; i++) {
      metrics.peer("peer" + i).addBytesRead(1);
    }
    assertThat(metrics.snapshot().peers()).doesNotContainKey(MetricsSnapshot.OTHER_PEERS);

    metrics.peer("late").addBytesRead(5);
    metrics.peer("later").addBytesRead(6);
    metrics.peer("peer0").addBytesRead(1);

    MetricsSnapshot snapshot = metrics.snapshot();
    assertThat(snapshot.peers()).hasSize(MetricsSnapshot.PEER_LIMIT + 1).doesNotContainKey("late");
    assertThat(snapshot.peers())
        .containsEntry(MetricsSnapshot.OTHER_PEERS, PeerSnapshot.builder().bytesRead(11).build())
        .containsEntry("peer0", PeerSnapshot.builder().bytesRead(2).build());
  }

  @Test
  void aPeerThatIsCalledLikeTheOthersIsAmongThem() {
    metrics.peer(MetricsSnapshot.OTHER_PEERS).addBytesRead(3);

    assertThat(metrics.snapshot().peers())
        .containsOnlyKeys(MetricsSnapshot.OTHER_PEERS)
        .containsEntry(MetricsSnapshot.OTHER_PEERS, PeerSnapshot.builder().bytesRead(3).build());
  }

  @Test
  void nothingIsLostBetweenThreads() throws InterruptedException {
    int threads = 8;
    int rounds = 20_000;
    List<Thread> running = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      running.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    for (int i = 0; i < rounds; i++) {
                      metrics.increment(Counter.REQUESTS_SENT);
                      metrics.recordLatencyNanos(i);
                      metrics.peer("peer" + i % 10).addBytesWritten(1);
                    }
                  }));
    }
    for (Thread thread : running) {
      thread.join();
    }

    MetricsSnapshot snapshot = metrics.snapshot();
    long total = (long) threads * rounds;
    assertThat(snapshot.get(Counter.REQUESTS_SENT)).isEqualTo(total);
    assertThat(snapshot.latency().count()).isEqualTo(total);
    assertThat(snapshot.peers()).hasSize(10);
    assertThat(snapshot.peers().values().stream().mapToLong(PeerSnapshot::bytesWritten).sum())
        .isEqualTo(total);
  }

  @Test
  void aSnapshotDoesNotChange() {
    MetricsSnapshot before = metrics.snapshot();
    metrics.increment(Counter.BYTES_READ);
    metrics.peer("a").addBytesRead(1);

    assertThat(before.get(Counter.BYTES_READ)).isZero();
    assertThat(before.peers()).isEmpty();
    assertThatThrownBy(() -> before.counters().put(Counter.BYTES_READ, 1L))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> before.failures().clear())
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void aDifferenceHoldsWhatCameInBetween() {
    metrics.add(Counter.BYTES_WRITTEN, 100);
    metrics.failed(FailureCause.TIMEOUT);
    metrics.peer("a").addBytesWritten(100);
    metrics.change(Gauge.INBOUND_BYTES_QUEUED, 5);
    MetricsSnapshot earlier = metrics.snapshot();
    metrics.add(Counter.BYTES_WRITTEN, 11);
    metrics.failed(FailureCause.PROTOCOL);
    metrics.peer("a").addBytesWritten(11);
    metrics.peer("b").transferCompleted();

    MetricsSnapshot between = metrics.snapshot().minus(earlier);
    assertThat(between.get(Counter.BYTES_WRITTEN)).isEqualTo(11);
    assertThat(between.get(Gauge.INBOUND_BYTES_QUEUED)).as("as it is now").isEqualTo(5);
    assertThat(between.get(FailureCause.TIMEOUT)).isZero();
    assertThat(between.get(FailureCause.PROTOCOL)).isOne();
    assertThat(between.peers())
        .containsEntry("a", PeerSnapshot.builder().bytesWritten(11).build())
        .containsEntry("b", PeerSnapshot.builder().transfersCompleted(1).build());
  }
}
