// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static io.transferengine.metrics.Gauge.LOCAL_PEERS_OPEN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.events.EngineEvent;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.HeardEvents;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a transport makes of the answers of a peer, both in this process. */
@Timeout(60)
class LocalTransportTest extends TwoSides {
  LocalTransportTest() {
    super(new Side("00000000000000ff"));
  }

  @Test
  void slotsOutsideOfThePeersAreaAreNone() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(target);
    long area = peer.host().orElseThrow().area();
    here.fill((byte) 5);
    // As good an address as any: ours, of another process, or a word of the area itself.
    ours.reply = _ -> HandshakeDescriptor.slotsAt(area + AreaLayout.GATE_AT);
    ours.handOvers.add(Optional.empty());
    TransferTask task = task(peer, new CompletableFuture<>());
    ours.transport.submit(address(peer), task);
    assertThat(ours.handedOver.get(30, TimeUnit.SECONDS)).isSameAs(task);
    assertThat(ours.transport.reaches(peer)).isFalse();
    assertThat(there.get(ValueLayout.JAVA_BYTE, 0)).isZero();
    assertThat(ours.metrics.snapshot().get(Counter.LOCAL_PEERS)).isZero();
  }

  @Test
  void slotsOfALeaseAreUsed() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(target);
    ours.reply = this::granted;
    here.fill((byte) 5);
    HeardEvents heard = new HeardEvents();
    ours.metrics.events().add(heard);
    CompletableFuture<TransferState> ended = new CompletableFuture<>();
    ours.transport.submit(address(peer), task(peer, ended));
    assertThat(ended.get(30, TimeUnit.SECONDS)).isEqualTo(TransferState.COMPLETED);
    assertThat(here.mismatch(there)).isEqualTo(-1);
    assertThat(ours.metrics.snapshot().get(Counter.LOCAL_PEERS)).isOne();
    EngineEvent up = heard.first(EngineEvent.Kind.PATH_UP, Counter.LOCAL_PEERS);
    assertThat(up.transport()).isEqualTo("local");
    assertThat(up.peer()).isEqualTo(peer.name());
    assertThat(openPeers()).isOne();
  }

  /** No copy is made after that: it has to be noticed by itself. */
  @Test
  void thatAPeerHasEndedIsToldOnceAndMeasured() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(target);
    ours.reply = this::granted;
    HeardEvents heard = new HeardEvents();
    ours.metrics.events().add(heard);
    CompletableFuture<TransferState> ended = new CompletableFuture<>();
    ours.transport.submit(address(peer), task(peer, ended));
    assertThat(ended.get(30, TimeUnit.SECONDS)).isEqualTo(TransferState.COMPLETED);
    assertThat(openPeers()).isOne();
    theirs.transport.stop(Duration.ofSeconds(10));
    await()
        .atMost(Duration.ofSeconds(40))
        .untilAsserted(
            () -> assertThat(ours.metrics.snapshot().get(Counter.LOCAL_PEERS_LOST)).isOne());
    assertThat(openPeers()).isZero();
    assertThat(ours.transport.reaches(peer)).isFalse();
    EngineEvent down = heard.first(EngineEvent.Kind.PATH_DOWN, Counter.LOCAL_PEERS_LOST);
    assertThat(down.transport()).isEqualTo("local");
    assertThat(down.peer()).isEqualTo(peer.name());
    assertThat(down.what()).contains("has ended");
  }

  private long openPeers() {
    long[] open = new long[1];
    ours.transport.measure((gauge, value) -> open[0] += gauge == LOCAL_PEERS_OPEN ? value : 0);
    return open[0];
  }

  /** A heap that is full for the first of two tasks. */
  @Test
  void eachTaskThatWaitsForSlotsIsSettledWhateverBecomesOfOthers() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(target);
    CountDownLatch bothWait = new CountDownLatch(1);
    ours.reply =
        _ -> {
          try {
            bothWait.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          throw new OutOfMemoryError("of this test");
        };
    ours.handOvers.add(Optional.of(new OutOfMemoryError("of this test, too")));
    ours.handOvers.add(Optional.empty());
    CompletableFuture<TransferState> ended = new CompletableFuture<>();
    ours.transport.submit(address(peer), task(peer, ended));
    TransferTask second = task(peer, new CompletableFuture<>());
    ours.transport.submit(address(peer), second);
    bothWait.countDown();
    assertThat(ended.get(30, TimeUnit.SECONDS)).isEqualTo(TransferState.FAILED);
    assertThat(ours.handedOver.get(30, TimeUnit.SECONDS)).isSameAs(second);
    assertThat(ours.transport.reaches(peer)).isFalse();
  }

  /** It may have other rights than the one whose buffer is in the list. */
  @Test
  void aRegistrationThatCameAfterTheListIsNotOffered() {
    long fence = theirs.descriptor(target).buffers().getFirst().fence();
    assertThat(fence).isNotZero();
    theirs.transport.unregisterAll(List.of(target));
    theirs.regions.remove(target);
    Region later = theirs.region(there);
    assertThat(theirs.descriptor(target).buffers().getFirst().fence()).isZero();
    assertThat(theirs.descriptor(later).buffers().getFirst().fence()).isNotIn(0L, fence);
  }
}
