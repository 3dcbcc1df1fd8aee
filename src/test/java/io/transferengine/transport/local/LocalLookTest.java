// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.access.PeerIdentity;
import io.transferengine.config.TransportPolicy;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.os.NativeCallException;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.HostDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who looks into processes, when, and how often; and what becomes of an area that was left. */
@Timeout(60)
@SuppressWarnings("restricted") // looks into areas of this process
class LocalLookTest {
  private static final int BYTES = 4096;
  private static final long THEIR_NUMBER = 0xfe;

  private final WatchedProcesses ourSight = new WatchedProcesses();
  private final WatchedProcesses theirSight = new WatchedProcesses();
  private final Side ours = side("00000000000000ff", ourSight);
  private final Side theirs = side("00000000000000fe", theirSight);
  private final Arena arena = Arena.ofShared();
  private final MemorySegment here = arena.allocate(BYTES, BYTES);
  private final MemorySegment there = arena.allocate(BYTES, BYTES);
  private final Region source = ours.regions.register(here.address(), BYTES, "*");
  private final SegmentDescriptor peer = theirs.descriptor(theirs.region(there));
  private volatile long slots;

  LocalLookTest() {
    ours.reply = this::granted;
  }

  private static Side side(String incarnation, WatchedProcesses sight) {
    return new Side(incarnation, TransportPolicy.DEFAULT, sight);
  }

  @AfterEach
  void stop() {
    ours.transport.stop(Duration.ofSeconds(10));
    theirs.transport.stop(Duration.ofSeconds(10));
    arena.close();
  }

  private HandshakeDescriptor granted(HandshakeDescriptor request) {
    PeerIdentity us = PeerIdentity.unproved(InetAddress.getLoopbackAddress());
    HandshakeDescriptor reply = theirs.transport.connection(us, request).orElseThrow();
    slots = reply.slots();
    return reply;
  }

  private TransferState write() throws Exception {
    CompletableFuture<TransferState> ended = new CompletableFuture<>();
    TransferTask task =
        new TransferTask(
            Operation.WRITE,
            BlockColumns.of(here.address(), there.address(), BYTES),
            source,
            new PeerBuffers(peer.buffers()),
            (state, _, _) -> ended.complete(state));
    ours.transport.submit(new PeerAddress(peer, List.of(InetAddress.getLoopbackAddress())), task);
    return ended.get(30, TimeUnit.SECONDS);
  }

  /** A look may take long, and who submits must not wait. */
  @Test
  void whoSubmitsDoesNotLook() throws Exception {
    ourSight.looks.clear();
    here.fill((byte) 5);
    assertThat(write()).isEqualTo(TransferState.COMPLETED);
    assertThat(there.mismatch(here)).isEqualTo(-1);
    assertThat(ourSight.looks).isNotEmpty().doesNotContain(Thread.currentThread());
  }

  private static MemorySegment words(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  @Test
  void anEngineThatAsksAgainIsNotLookedUpAgain() {
    HostDescriptor host = ours.descriptor(source).host().orElseThrow();
    long asks = host.area() + AreaLayout.ASKS_AT;
    MemorySegment first = words(asks, AreaLayout.ASK_BYTES);
    first.set(JAVA_LONG, 0, THEIR_NUMBER);
    theirSight.looks.clear();
    for (int i = 1; i < 4; i++) {
      first.set(JAVA_LONG, 8, i);
      assertThat(granted(HandshakeDescriptor.slotsFor(host, asks)).slots()).isNotZero();
    }
    assertThat(theirSight.looks).hasSize(1);
  }

  /** As a stranger may write it, over the network. */
  @Test
  void memoryThatIsRegisteredHereIsNoAreaAndNotLookedUp() {
    MemorySegment fake = arena.allocate(AreaLayout.ASKS_AT + AreaLayout.ASK_BYTES, BYTES);
    Region _ = theirs.region(fake);
    fake.set(JAVA_LONG, AreaLayout.MAGIC_AT, AreaLayout.MAGIC);
    fake.set(JAVA_LONG, AreaLayout.INCARNATION_AT, 3);
    fake.set(JAVA_LONG, AreaLayout.ASKS_AT, THEIR_NUMBER);
    fake.set(JAVA_LONG, AreaLayout.ASKS_AT + 8, 3);
    HostDescriptor us = ours.descriptor(source).host().orElseThrow();
    HostDescriptor host =
        new HostDescriptor(us.bootId(), us.pidNamespace(), us.pid(), us.start(), fake.address());
    theirSight.looks.clear();
    HandshakeDescriptor request =
        HandshakeDescriptor.slotsFor(host, fake.address() + AreaLayout.ASKS_AT);
    assertThat(granted(request).slots()).isZero();
    assertThat(theirs.metrics.snapshot().get(Counter.LOCAL_LEASES_REFUSED)).isOne();
    assertThat(theirSight.looks).isEmpty();
  }

  private static long areasOfThePeer() throws IOException {
    String name = "/memfd:" + AreaLayout.name(THEIR_NUMBER) + " ";
    return Files.readAllLines(Path.of("/proc/self/maps")).stream()
        .filter(line -> line.contains(name))
        .count();
  }

  /** A peer was in the middle of a copy, and is not any more. */
  @Test
  void anAreaThatWasLeftGoesWhenAnotherEngineOpens() throws Exception {
    assertThat(write()).isEqualTo(TransferState.COMPLETED);
    HostDescriptor host = peer.host().orElseThrow();
    long gate = words(host.area(), AreaLayout.HEADER_BYTES).get(JAVA_LONG, AreaLayout.GATE_AT);
    MemorySegment slot = words(slots, 8);
    slot.set(JAVA_LONG, 0, gate);
    theirs.transport.stop(Duration.ZERO);
    // Its own, and the one that we have mapped, which goes a little later.
    long before = areasOfThePeer();
    assertThat(before).isEqualTo(2);
    slot.set(JAVA_LONG, 0, 0);
    Side next = side("00000000000000fd", new WatchedProcesses());
    try {
      assertThat(areasOfThePeer()).isLessThan(before);
    } finally {
      next.transport.stop(Duration.ofSeconds(10));
    }
  }

  // ---- why there is none

  @ParameterizedTest
  @CsvSource({
    "24, ulimit -n",
    "23, fs.file-max",
    "12, ulimit -v",
    "38, does not know",
    "1, sandbox"
  })
  void theRemedyIsThatOfTheError(int errno, String remedy) {
    NativeCallException thrown = new NativeCallException("memfd_create", "name=te-area-1", errno);
    assertThat(LocalFaults.noArea(thrown))
        .hasMessageContaining("memfd_create")
        .hasMessageContaining(remedy)
        .hasMessageContaining("TE_LOCAL=off");
  }

  @Test
  void whoCannotReadProcIsToldWhy() {
    WatchedProcesses blind = new WatchedProcesses();
    blind.blind.set(true);
    assertThatThrownBy(() -> side("00000000000000fc", blind))
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("blind, by this test");
  }
}
