// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.access.PeerIdentity;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.os.ReservedMemory;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.HostDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A peer that lies about itself, about another engine, or about its memory. */
@Timeout(60)
@SuppressWarnings("restricted") // looks into areas of this process
class LocalTrustTest {
  private static final int BYTES = 4096;
  private static final long THEIR_NUMBER = 0xfe;

  private record End(
      TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {}

  private final Side ours = new Side("00000000000000ff");
  private final Side theirs = new Side("00000000000000fe");
  private final Arena arena = Arena.ofShared();
  private final MemorySegment here = arena.allocate(BYTES, BYTES);

  /** The middle third is registered. */
  private final MemorySegment all = arena.allocate(3L * BYTES, BYTES);

  private final MemorySegment there = all.asSlice(BYTES, BYTES);
  private final Region source = ours.regions.register(here.address(), BYTES, "*");

  LocalTrustTest() {
    ours.reply = this::granted;
    here.fill((byte) 5);
    all.fill((byte) 1);
  }

  @AfterEach
  void stop() {
    ours.transport.stop(Duration.ofSeconds(10));
    theirs.transport.stop(Duration.ofSeconds(10));
    arena.close();
  }

  /** What the peer's own engine answers, to whoever brings the request. */
  private HandshakeDescriptor granted(HandshakeDescriptor request) {
    PeerIdentity stranger = PeerIdentity.unproved(InetAddress.getLoopbackAddress());
    return theirs.transport.connection(stranger, request).orElseThrow();
  }

  private TransferTask task(
      Operation operation, SegmentDescriptor peer, long remote, CompletableFuture<End> ended) {
    return new TransferTask(
        operation,
        BlockColumns.of(here.address(), remote, BYTES),
        source,
        new PeerBuffers(peer.buffers()),
        (state, why, cause) -> ended.complete(new End(state, why, cause)));
  }

  private static PeerAddress address(SegmentDescriptor peer) {
    return new PeerAddress(peer, List.of(InetAddress.getLoopbackAddress()));
  }

  private End end(Operation operation, SegmentDescriptor peer, long remote) throws Exception {
    CompletableFuture<End> ended = new CompletableFuture<>();
    ours.transport.submit(address(peer), task(operation, peer, remote, ended));
    return ended.get(30, TimeUnit.SECONDS);
  }

  private void isRefused(Operation operation, SegmentDescriptor peer, long remote)
      throws Exception {
    End end = end(operation, peer, remote);
    assertThat(end.state).isEqualTo(TransferState.FAILED);
    assertThat(end.cause).isEqualTo(FailureCause.REMOTE_REFUSED);
    assertThat(Objects.requireNonNull(end.why).code()).isEqualTo(ErrorCode.ADDRESS_NOT_REGISTERED);
    assertThat(ours.transport.reaches(peer)).isTrue();
    isUntouched();
  }

  private void isUntouched() {
    assertThat(here.toArray(JAVA_BYTE)).containsOnly(5);
    assertThat(all.toArray(JAVA_BYTE)).containsOnly(1);
  }

  /** The peer is reached over the network, if at all. */
  private void goesElsewhere(SegmentDescriptor peer, long remote) throws Exception {
    ours.handOvers.add(Optional.empty());
    TransferTask task = task(Operation.WRITE, peer, remote, new CompletableFuture<>());
    ours.transport.submit(address(peer), task);
    assertThat(ours.handedOver.get(30, TimeUnit.SECONDS)).isSameAs(task);
    assertThat(ours.transport.reaches(peer)).isFalse();
    assertThat(ours.metrics.snapshot().get(Counter.LOCAL_PEERS)).isZero();
    isUntouched();
  }

  private static SegmentDescriptor with(SegmentDescriptor peer, BufferDescriptor... buffers) {
    return peer.toBuilder().buffers(List.of(buffers)).build();
  }

  // ---- what it has registered

  @ParameterizedTest
  @EnumSource
  void aRangeOutsideOfTheRegistrationIsRefusedWhateverTheDescriptorSays(Operation operation)
      throws Exception {
    SegmentDescriptor peer = theirs.descriptor(theirs.region(there));
    long fence = peer.buffers().getFirst().fence();
    SegmentDescriptor lie =
        with(peer, new BufferDescriptor("p", all.address(), all.byteSize()).withFence(fence));
    for (long at : new long[] {0, 1, BYTES - 1, BYTES + 1, 2 * BYTES}) {
      isRefused(operation, lie, all.address() + at);
    }
    assertThat(end(operation, peer, there.address()).state).isEqualTo(TransferState.COMPLETED);
    assertThat(here.mismatch(there)).isEqualTo(-1);
  }

  /** Blocks that lie in one buffer are one request; as over the network it comes back as them. */
  @Test
  void theBlockThatIsOutsideIsNamed() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(theirs.region(there));
    long fence = peer.buffers().getFirst().fence();
    SegmentDescriptor lie =
        with(peer, new BufferDescriptor("p", there.address(), 2L * BYTES).withFence(fence));
    int half = BYTES / 2;
    long to = there.address() + half;
    CompletableFuture<End> ended = new CompletableFuture<>();
    TransferTask task =
        new TransferTask(
            Operation.WRITE,
            BlockColumns.of(
                new long[] {here.address(), here.address() + half},
                new long[] {to, to + half},
                new long[] {half, half}),
            source,
            new PeerBuffers(lie.buffers()),
            (state, why, cause) -> ended.complete(new End(state, why, cause)));
    ours.transport.submit(address(lie), task);
    End end = ended.get(30, TimeUnit.SECONDS);
    assertThat(end.cause).isEqualTo(FailureCause.REMOTE_REFUSED);
    assertThat(end.why).hasMessageContaining("%d bytes at 0x%x".formatted(half, to + half));
    assertThat(all.asSlice(2L * BYTES, BYTES).toArray(JAVA_BYTE)).containsOnly(1);
  }

  @Test
  void theNumberOfOneRegistrationDoesNotOpenAnother() throws Exception {
    SegmentDescriptor first = theirs.descriptor(theirs.region(there));
    theirs.descriptor(theirs.region(all.asSlice(0, BYTES), AccessRights.READ_ONLY));
    long fence = first.buffers().getFirst().fence();
    SegmentDescriptor lie =
        with(first, new BufferDescriptor("p", all.address(), BYTES).withFence(fence));
    isRefused(Operation.WRITE, lie, all.address());
  }

  @ParameterizedTest
  @EnumSource
  void rightsAreThoseOfTheAreaAndNotOfTheDescriptor(Operation operation) throws Exception {
    boolean write = operation == Operation.WRITE;
    AccessRights rights = write ? AccessRights.READ_ONLY : AccessRights.WRITE_ONLY;
    SegmentDescriptor peer = theirs.descriptor(theirs.region(there, rights));
    isRefused(operation, peer, there.address());
    Operation allowed = write ? Operation.READ : Operation.WRITE;
    assertThat(end(allowed, peer, there.address()).state).isEqualTo(TransferState.COMPLETED);
  }

  // ---- whose area it is

  /** As a stranger may write one into memory that a process has registered, over the network. */
  private SegmentDescriptor withFake(MemorySegment fake, int descriptor) {
    long fence = 1L << 63 | 7;
    fake.set(JAVA_LONG, AreaLayout.MAGIC_AT, AreaLayout.MAGIC);
    fake.set(JAVA_LONG, AreaLayout.INCARNATION_AT, THEIR_NUMBER);
    fake.set(JAVA_LONG, AreaLayout.GATE_AT, fake.address() + AreaLayout.HEADER_BYTES);
    fake.set(JAVA_LONG, AreaLayout.DESCRIPTOR_AT, descriptor);
    long entry = AreaLayout.entryAt(fence);
    fake.set(JAVA_LONG, entry, fence);
    fake.set(JAVA_LONG, entry + AreaLayout.ENTRY_ADDRESS_AT, all.address());
    fake.set(JAVA_LONG, entry + AreaLayout.ENTRY_LENGTH_AT, all.byteSize());
    fake.set(JAVA_LONG, entry + AreaLayout.ENTRY_RIGHTS_AT, AreaLayout.MAY_WRITE);
    HostDescriptor us = ours.descriptor(source).host().orElseThrow();
    ours.reply =
        request -> {
          // The stranger cannot read the number; and yet.
          long number = MemorySegment.ofAddress(request.ask()).reinterpret(16).get(JAVA_LONG, 8);
          fake.set(JAVA_LONG, AreaLayout.HOLDERS_AT, us.pid());
          fake.set(JAVA_LONG, AreaLayout.HOLDERS_AT + 8, us.start());
          fake.set(JAVA_LONG, AreaLayout.HOLDERS_AT + 16, 0xff);
          fake.set(JAVA_LONG, AreaLayout.HOLDERS_AT + 24, number);
          return HandshakeDescriptor.slotsAt(fake.address() + AreaLayout.SLOTS_AT);
        };
    return SegmentDescriptor.builder(Side.NAME, SegmentDescriptor.TCP)
        .incarnation(Optional.of(theirs.incarnation()))
        .host(
            Optional.of(
                new HostDescriptor(
                    us.bootId(), us.pidNamespace(), us.pid(), us.start(), fake.address())))
        .buffers(List.of(new BufferDescriptor("p", all.address(), all.byteSize()).withFence(fence)))
        .build();
  }

  @Test
  void anAreaThatAStrangerHasWrittenIntoRegisteredMemoryIsNone() throws Exception {
    goesElsewhere(withFake(arena.allocate(AreaLayout.BYTES, BYTES), -1), all.address());
  }

  @Test
  void aMemfdThatIsNotMadeForAnAreaIsNone() throws Exception {
    ReservedMemory file = ReservedMemory.ofMemfd("pool", AreaLayout.BYTES);
    try {
      goesElsewhere(withFake(file.memory(), file.descriptor()), all.address());
    } finally {
      file.unmap();
    }
  }

  /** Which shows that the attack above would work, had it been the process itself. */
  @Test
  void anAreaThatTheProcessHasMadeIsOne() throws Exception {
    ReservedMemory file = ReservedMemory.ofMemfd(AreaLayout.name(THEIR_NUMBER), AreaLayout.BYTES);
    try {
      SegmentDescriptor peer = withFake(file.memory(), file.descriptor());
      assertThat(end(Operation.WRITE, peer, there.address()).state)
          .isEqualTo(TransferState.COMPLETED);
      assertThat(here.mismatch(there)).isEqualTo(-1);
    } finally {
      file.unmap();
    }
  }

  // ---- leases

  private HostDescriptor ourHost() {
    return ours.descriptor(source).host().orElseThrow();
  }

  /** Of an engine that asks another one, or nobody, in memory that it has registered. */
  @Test
  void aRequestInTheNameOfAnEngineThatDoesNotAskIsRefused() {
    HostDescriptor host = ourHost();
    long asks = host.area() + AreaLayout.ASKS_AT;
    MemorySegment first = MemorySegment.ofAddress(asks).reinterpret(AreaLayout.ASK_BYTES);
    assertThat(granted(HandshakeDescriptor.slotsFor(host, asks)).slots()).isZero();
    assertThat(granted(HandshakeDescriptor.slotsFor(host, 0)).slots()).isZero();
    first.set(JAVA_LONG, 0, THEIR_NUMBER + 1);
    first.set(JAVA_LONG, 8, 3);
    assertThat(granted(HandshakeDescriptor.slotsFor(host, asks)).slots()).isZero();
    // Elsewhere in the area, and in other memory of the process.
    here.set(JAVA_LONG, 0, THEIR_NUMBER);
    here.set(JAVA_LONG, 8, 3);
    assertThat(granted(HandshakeDescriptor.slotsFor(host, here.address())).slots()).isZero();
    first.set(JAVA_LONG, 0, THEIR_NUMBER);
    assertThat(granted(HandshakeDescriptor.slotsFor(host, asks + 8)).slots()).isZero();
    assertThat(theirs.metrics.snapshot().get(Counter.LOCAL_LEASES_REFUSED)).isEqualTo(5);
    assertThat(granted(HandshakeDescriptor.slotsFor(host, asks)).slots()).isNotZero();
  }

  @Test
  void aRequestFromWhatOnlyLooksLikeAnAreaIsRefused() {
    MemorySegment fake = arena.allocate(AreaLayout.BYTES, BYTES);
    HostDescriptor host = withFake(fake, -1).host().orElseThrow();
    long ask = AreaLayout.ASKS_AT;
    fake.set(JAVA_LONG, ask, THEIR_NUMBER);
    fake.set(JAVA_LONG, ask + 8, 3);
    assertThat(granted(HandshakeDescriptor.slotsFor(host, fake.address() + ask)).slots()).isZero();
    assertThat(theirs.metrics.snapshot().get(Counter.LOCAL_LEASES_REFUSED)).isOne();
  }

  @Test
  void aReplyThatNamesTheSlotsOfAnotherEngineIsRefused() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(theirs.region(there));
    long area = peer.host().orElseThrow().area();
    try (Another other = new Another()) {
      ours.reply =
          request -> {
            // It asks with our number, which it cannot know.
            long number = MemorySegment.ofAddress(request.ask()).reinterpret(16).get(JAVA_LONG, 8);
            long slots = other.lease(number);
            assertThat(AreaLayout.isLease(area, slots)).isTrue();
            return HandshakeDescriptor.slotsAt(slots);
          };
      goesElsewhere(peer, there.address());
    }
  }

  /** A third engine, which asks the peer. */
  private final class Another implements AutoCloseable {
    final Side side = new Side("00000000000000fd");

    long lease(long number) {
      HostDescriptor host =
          side.descriptor(side.region(arena.allocate(BYTES))).host().orElseThrow();
      long asks = host.area() + AreaLayout.ASKS_AT;
      MemorySegment first = MemorySegment.ofAddress(asks).reinterpret(AreaLayout.ASK_BYTES);
      first.set(JAVA_LONG, 0, THEIR_NUMBER);
      first.set(JAVA_LONG, 8, number);
      return granted(HandshakeDescriptor.slotsFor(host, asks)).slots();
    }

    @Override
    public void close() {
      side.transport.stop(Duration.ofSeconds(10));
    }
  }

  /** The lease is ours, from another name of the engine; who answers here has not asked it. */
  @Test
  void aReplyOfSomebodyWhoCannotReachTheEngineThatItNamesIsRefused() throws Exception {
    SegmentDescriptor peer = theirs.descriptor(theirs.region(there));
    long[] slots = new long[1];
    ours.reply =
        request -> {
          HandshakeDescriptor reply = granted(request);
          slots[0] = reply.slots();
          return reply;
        };
    assertThat(end(Operation.WRITE, peer, there.address()).state)
        .isEqualTo(TransferState.COMPLETED);
    SegmentDescriptor liar = peer.toBuilder().name("127.0.0.1:2").build();
    ours.reply = _ -> HandshakeDescriptor.slotsAt(slots[0]);
    all.fill((byte) 1);
    ours.handOvers.add(Optional.empty());
    TransferTask task = task(Operation.WRITE, liar, there.address(), new CompletableFuture<>());
    ours.transport.submit(address(liar), task);
    assertThat(ours.handedOver.get(30, TimeUnit.SECONDS)).isSameAs(task);
    isUntouched();
    // Who has the first name is still reached.
    assertThat(end(Operation.WRITE, peer, there.address()).state)
        .isEqualTo(TransferState.COMPLETED);
  }
}
