// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.memory.MemoryPool;
import io.transferengine.memory.OffHeapSource;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.TransferWork;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.HostDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Blocks of a managed pool that peers copy from and to, and how they are taken back: ADR 39. */
@Timeout(60)
@SuppressWarnings("restricted") // looks into an area of this process
class ManagedBlocksTest implements TransferWork.Listener {
  private static final long MIB = 1 << 20;
  private static final int BYTES = 8192;

  private final Told processes = new Told();
  private final Area area = new Area(1);
  private final Leases leases = new Leases(area, _ -> false);
  private final Fences fences = new Fences(area, leases, processes, Duration.ofMillis(300));
  private final RegionTable table = new RegionTable();

  /** One pool, and nothing beside it. */
  private final MemoryPool pool =
      new MemoryPool(64 * MIB, new OffHeapSource("*"), new PoolRegistrar(table, fences));

  private final Arena arena = Arena.ofShared();
  private final MemorySegment here = arena.allocate(4 * BYTES, 4096);
  private final Region ours = table.register(here.address(), 4 * BYTES, "*");
  private final Leases.Lease lease =
      leases.grant(new HostDescriptor("boot", 1, processes.own(), 1, 1), 1, 1).orElseThrow();
  private final PeerMap map =
      new PeerMap(
          MemorySegment.ofAddress(area.address()).reinterpret(AreaLayout.BYTES), area.address());
  private final Target target =
      new Target(
          "peer",
          new HeldLease(
              new HostDescriptor("boot", 1, processes.own(), 1, area.address()),
              area.slots(lease.index())),
          map);
  private final Copier copier =
      new Copier(new FfmProcessMemory(), processes.own(), LocalFaults.mistake());

  private @Nullable TransferState state;
  private @Nullable FailureCause cause;
  private @Nullable TransferException failure;

  @Override
  public void taskEnded(
      TransferState end, @Nullable TransferException why, @Nullable FailureCause known) {
    state = end;
    failure = why;
    cause = known;
  }

  @AfterEach
  void end() {
    slot(0);
    pool.close();
    fences.end(Duration.ofSeconds(1), true);
    arena.close();
  }

  /** What a peer does that is about to copy, or has copied. */
  private void slot(long value) {
    map.mark(area.slots(lease.index()), value);
  }

  private long copying(int number) {
    return map.word(AreaLayout.GATE_AT)
        | AreaLayout.BLOCKS
        | ((long) number << AreaLayout.COUNT_SHIFT);
  }

  // ---- the peer

  private BufferDescriptor published(long address) {
    Region region = Objects.requireNonNull(table.find(address, 1));
    return new BufferDescriptor("peer", region.address(), region.length())
        .withFence(fences.of(region));
  }

  private TransferState copied(Operation operation, BlockColumns blocks, BufferDescriptor buffer) {
    state = null;
    TransferTask task =
        new TransferTask(operation, blocks, ours, new PeerBuffers(List.of(buffer)), this);
    while (state == null) {
      assertThat(copier.claim(task)).isPositive();
      boolean _ = copier.copy(task, target, 0);
    }
    assertThat(map.word(area.slots(lease.index()) - area.address())).isZero();
    return state;
  }

  @ParameterizedTest
  @EnumSource
  void whatIsHandedOutIsCopiedAndWhatIsFreedIsNot(Operation operation) {
    MemorySegment first = pool.allocate(BYTES);
    MemorySegment second = pool.allocate(BYTES);
    assertThat(second.address()).isEqualTo(first.address() + BYTES);
    BufferDescriptor buffer = published(first.address());
    (operation == Operation.WRITE ? here : first).fill((byte) 7);
    BlockColumns one = BlockColumns.of(here.address(), first.address(), BYTES);
    assertThat(copied(operation, one, buffer)).isEqualTo(TransferState.COMPLETED);
    assertThat(first.mismatch(here.asSlice(0, BYTES))).isEqualTo(-1);
    pool.free(first.address(), BYTES);
    here.fill((byte) 8);
    assertThat(copied(operation, one, buffer)).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.REMOTE_REFUSED);
    assertThat(failure).hasMessageContaining("its area refuses").hasMessageContaining("freed");
    assertThat(here.get(ValueLayout.JAVA_BYTE, 9)).isEqualTo((byte) 8);
    assertThat(first.get(ValueLayout.JAVA_BYTE, 9)).isEqualTo((byte) 7);
    BlockColumns other = BlockColumns.of(here.address(), second.address() + 100, BYTES - 100);
    assertThat(copied(operation, other, buffer)).isEqualTo(TransferState.COMPLETED);
  }

  /** Side by side in memory they are one range of a call, of which the table says no. */
  @ParameterizedTest
  @EnumSource
  void blocksSideBySideAreCopiedOneByOne(Operation operation) {
    MemorySegment first = pool.allocate(BYTES);
    MemorySegment second = pool.allocate(BYTES);
    (operation == Operation.WRITE ? here : first).fill((byte) 7);
    (operation == Operation.WRITE ? here : second).fill((byte) 7);
    BlockColumns both =
        BlockColumns.of(
            new long[] {here.address(), here.address() + BYTES},
            new long[] {first.address(), second.address()},
            new long[] {BYTES, BYTES});
    assertThat(copied(operation, both, published(first.address())))
        .isEqualTo(TransferState.COMPLETED);
    assertThat(here.asSlice(0, BYTES).mismatch(first)).isEqualTo(-1);
    assertThat(here.asSlice(BYTES, BYTES).mismatch(second)).isEqualTo(-1);
  }

  @Test
  void aRangeBeyondItsBlockIsRefused() {
    MemorySegment block = pool.allocate(100);
    BufferDescriptor buffer = published(block.address());
    for (int offset : new int[] {-1, 1, 4000, 1 << 20}) {
      BlockColumns beyond = BlockColumns.of(here.address(), block.address() + offset, 100);
      assertThat(copied(Operation.WRITE, beyond, buffer)).isEqualTo(TransferState.FAILED);
    }
    assertThat(block.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    BlockColumns inside = BlockColumns.of(here.address(), block.address() + 1, 99);
    assertThat(copied(Operation.WRITE, inside, buffer)).isEqualTo(TransferState.COMPLETED);
  }

  @Test
  void memoryThatIsOneBlockIsCopiedAsWell() {
    // No class of blocks fits the limit.
    MemorySegment block = pool.allocate(40 * MIB);
    BlockColumns end = BlockColumns.of(here.address(), block.address() + 40 * MIB - 8, 8);
    here.set(ValueLayout.JAVA_LONG, 0, 99);
    assertThat(copied(Operation.WRITE, end, published(block.address())))
        .isEqualTo(TransferState.COMPLETED);
    assertThat(block.get(ValueLayout.JAVA_LONG, 40 * MIB - 8)).isEqualTo(99);
  }

  // ---- taking back

  @Test
  void aFreedBlockIsHandedOutWhenTheCopiesThatMayBeInItHaveEnded() throws Exception {
    MemorySegment first = pool.allocate(32 * MIB);
    MemorySegment second = pool.allocate(32 * MIB);
    slot(copying(1));
    pool.free(first.address(), 32 * MIB); // Waits for nobody.
    int looks = processes.endLooks.get();
    CompletableFuture<MemorySegment> next =
        CompletableFuture.supplyAsync(() -> pool.allocate(32 * MIB));
    // It waits, and finds out meanwhile whether the peer has ended.
    await().until(() -> next.isDone() || processes.endLooks.get() > looks + 3);
    assertThat(next).isNotDone();
    // The next copy of the peer has found the block freed.
    slot(copying(2));
    assertThat(next.get(30, TimeUnit.SECONDS).address()).isEqualTo(first.address());
    assertThat(second.address()).isNotEqualTo(first.address());
  }

  @Test
  void whileNobodyCopiesNothingIsHeldBack() {
    MemorySegment first = pool.allocate(32 * MIB);
    MemorySegment _ = pool.allocate(32 * MIB);
    pool.free(first.address(), 32 * MIB);
    // One that has begun since.
    slot(copying(1));
    int looks = processes.endLooks.get();
    assertThat(pool.allocate(32 * MIB).address()).isEqualTo(first.address());
    assertThat(processes.endLooks).hasValue(looks);
  }

  @Test
  void aCopyOfRegisteredMemoryHoldsNoBlockBack() {
    MemorySegment first = pool.allocate(32 * MIB);
    MemorySegment _ = pool.allocate(32 * MIB);
    slot(map.word(AreaLayout.GATE_AT));
    pool.free(first.address(), 32 * MIB);
    assertThat(pool.allocate(32 * MIB).address()).isEqualTo(first.address());
  }

  @Test
  void aPeerThatHasEndedInTheMiddleOfACopyHoldsNothingBack() {
    MemorySegment first = pool.allocate(32 * MIB);
    MemorySegment _ = pool.allocate(32 * MIB);
    slot(copying(1));
    pool.free(first.address(), 32 * MIB);
    processes.ended.add(processes.own());
    assertThat(pool.allocate(32 * MIB).address()).isEqualTo(first.address());
    assertThat(leases.all()).isEmpty();
  }

  /** Memory of the pool would do if it were not for the peer; so it is said that there is none. */
  @Test
  void aPeerThatStandsStillHoldsBlocksBackAndNothingHangs() {
    MemorySegment first = pool.allocate(32 * MIB);
    MemorySegment _ = pool.allocate(32 * MIB);
    slot(copying(1));
    processes.stopped.add(processes.own());
    pool.free(first.address(), 32 * MIB);
    assertThatThrownBy(() -> pool.allocate(32 * MIB))
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.MEMORY));
    slot(0);
    assertThat(pool.allocate(32 * MIB).address()).isEqualTo(first.address());
  }

  @Test
  void aPoolThatHasEndedLeavesNothingInItsTable() {
    MemorySegment first = pool.allocate(BYTES);
    BufferDescriptor old = published(first.address());
    long at = first.address();
    BlockColumns again = BlockColumns.of(here.address(), at, BYTES);
    // So that its entry is known, and the gate.
    assertThat(copied(Operation.WRITE, again, old)).isEqualTo(TransferState.COMPLETED);
    pool.free(at, BYTES);
    assertThat(copied(Operation.WRITE, again, old)).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.STALE_DESCRIPTOR);
    // The spare, which begins with another block of another length.
    MemorySegment next = pool.allocate(64 * MIB);
    assertThat(next.address()).isEqualTo(at);
    here.fill((byte) 3);
    BlockColumns late = BlockColumns.of(here.address(), at + 63 * MIB, BYTES);
    assertThat(copied(Operation.WRITE, late, published(at))).isEqualTo(TransferState.COMPLETED);
    assertThat(next.get(ValueLayout.JAVA_BYTE, 63 * MIB + 5)).isEqualTo((byte) 3);
  }
}
