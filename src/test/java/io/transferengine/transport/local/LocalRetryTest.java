// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.config.TransportPolicy;
import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.HeardEvents;
import io.transferengine.transfer.TransferState;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Where no other transport may be used, what did not work once is tried again at once. */
@Timeout(60)
class LocalRetryTest extends TwoSides {
  private static final TransportPolicy REQUIRED =
      new TransportPolicy(TransportPolicy.Use.REQUIRED, Duration.ZERO, Optional.empty(), true);

  private final WatchedProcesses sight;

  LocalRetryTest() {
    WatchedProcesses made = new WatchedProcesses();
    super(new Side("00000000000000ff", REQUIRED, made));
    sight = made;
  }

  private TransferState write(SegmentDescriptor peer) throws Exception {
    CompletableFuture<TransferState> ended = new CompletableFuture<>();
    ours.transport.submit(address(peer), task(peer, ended));
    return ended.get(30, TimeUnit.SECONDS);
  }

  /** Such as one whose connection is lost. */
  @Test
  void aPeerThatGaveNoSlotsIsAskedAgain() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(target);
    HeardEvents heard = new HeardEvents();
    ours.metrics.events().add(heard);
    ours.handOvers.addAll(
        List.of(
            Optional.of(new OutOfMemoryError("of this test")),
            Optional.of(new OutOfMemoryError("of this test"))));
    for (int i = 0; i < 2; i++) {
      assertThat(write(peer)).isEqualTo(TransferState.FAILED);
      assertThat(ours.transport.reaches(peer)).isTrue();
    }
    await().until(() -> ours.metrics.snapshot().get(Counter.LOCAL_PEERS_MISSED) == 1);
    EngineEvent missed = heard.first(EngineEvent.Kind.FALLBACK, Counter.LOCAL_PEERS_MISSED);
    assertThat(missed.peer()).isEqualTo(peer.name());
    assertThat(missed.what()).isNotEmpty();
    ours.reply = this::granted;
    // The last of those that were given none may be on its way out.
    await().until(() -> write(peer) == TransferState.COMPLETED);
    assertThat(ours.metrics.snapshot().get(Counter.LOCAL_PEERS_MISSED)).isOne();
  }

  /** As when {@code /proc} cannot be read for want of descriptors. */
  @Test
  void aPeerThatCouldNotBeSeenIsLookedAtAgain() {
    SegmentDescriptor peer = theirs.descriptor(target);
    sight.blind.set(true);
    assertThat(ours.transport.reaches(peer)).isFalse();
    sight.blind.set(false);
    assertThat(ours.transport.reaches(peer)).isTrue();
  }
}
