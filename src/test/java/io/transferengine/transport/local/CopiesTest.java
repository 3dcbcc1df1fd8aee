// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.IoVectors;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.ProcessMemory;
import io.transferengine.os.Processes;
import io.transferengine.transfer.BlockColumns;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which thread copies what, between memory of this process. */
@Timeout(60)
@SuppressWarnings("restricted") // looks into an area of this process
class CopiesTest implements TransferWork.Listener {
  private static final int MUCH = (int) Copies.MAPPED_ALONE_BYTES + 12_345;

  private final Processes processes = new LinuxProcesses();
  private final Area area = new Area(1);
  private final Leases leases = new Leases(area, _ -> false);
  private final Fences fences = new Fences(area, leases, processes, Duration.ofSeconds(1));

  /** Slots that were marked during calls into the peer. */
  private final Set<Long> marked = ConcurrentHashMap.newKeySet();

  private final Copies copies = new Copies(new Noting(), processes.own());
  private final Arena arena = Arena.ofShared();
  private final HostDescriptor host =
      new HostDescriptor("boot", 1, processes.own(), 1, area.address());
  private final Target target =
      new Target(
          "peer",
          new HeldLease(host, area.slots(leases.grant(host, 1, 1).orElseThrow().index())),
          new PeerMap(
              MemorySegment.ofAddress(area.address()).reinterpret(AreaLayout.BYTES),
              area.address()));
  private final CompletableFuture<TransferState> ended = new CompletableFuture<>();

  /** Whether who submits waits. */
  private boolean awaited;

  private final class Noting implements ProcessMemory {
    private final ProcessMemory real = new FfmProcessMemory();

    @Override
    public long read(int pid, IoVectors into, IoVectors from) {
      return real.read(pid, into, from);
    }

    @Override
    public long write(int pid, IoVectors from, IoVectors to) {
      for (int i = 0; i < AreaLayout.SLOTS; i++) {
        long slot = target.slotAddress(i);
        if (MemorySegment.ofAddress(slot).reinterpret(8).get(ValueLayout.JAVA_LONG, 0) != 0) {
          marked.add(slot);
        }
      }
      return real.write(pid, from, to);
    }
  }

  @AfterEach
  void end() {
    copies.stop(Duration.ofSeconds(10));
    fences.end(Duration.ofSeconds(1), true);
    arena.close();
  }

  /** A write of one block, to memory that is published in pieces. */
  private TransferTask write(MemorySegment here, MemorySegment there, int pieceBytes) {
    long bytes = here.byteSize();
    here.fill((byte) 3);
    List<Region> regions =
        new RegionTable()
            .registerAll(
                new long[] {here.address(), there.address()},
                new long[] {bytes, bytes},
                "*",
                AccessRights.READ_WRITE);
    fences.admit(regions.subList(1, 2));
    List<BufferDescriptor> pieces = new ArrayList<>();
    for (long at = 0; at < bytes; at += pieceBytes) {
      pieces.add(
          new BufferDescriptor("peer", there.address() + at, Math.min(pieceBytes, bytes - at))
              .withFence(fences.of(regions.getLast())));
    }
    return new TransferTask(
        Operation.WRITE,
        BlockColumns.of(here.address(), there.address(), bytes),
        regions.getFirst(),
        new PeerBuffers(pieces),
        this);
  }

  @Override
  public void taskEnded(
      TransferState state, @Nullable TransferException failure, @Nullable FailureCause cause) {
    ended.complete(state);
  }

  @Override
  public boolean isAwaitedHere() {
    return awaited;
  }

  private void holdSlotsOfCopyThreads() {
    for (int i = 0; i < HeldLease.OF_COPY_THREADS; i++) {
      assertThat(target.acquireSlot(true)).isEqualTo(i);
    }
  }

  @Test
  void whatOneClaimOfASmallTaskLeavesIsCopiedToo() throws Exception {
    int bytes = 2 * Copier.RANGES * 64;
    assertThat(bytes).isLessThanOrEqualTo((int) Copies.DIRECT_BYTES);
    MemorySegment here = arena.allocate(bytes);
    MemorySegment there = arena.allocate(bytes);
    copies.start(target, write(here, there, 64));
    assertThat(ended.get(30, TimeUnit.SECONDS)).isEqualTo(TransferState.COMPLETED);
    assertThat(here.mismatch(there)).isEqualTo(-1);
  }

  @Test
  void aTaskWithoutAFreeSlotWaitsForOne() throws Exception {
    int bytes = 1 << 17;
    MemorySegment here = arena.allocate(bytes);
    MemorySegment there = arena.allocate(bytes);
    TransferTask task = write(here, there, bytes);
    holdSlotsOfCopyThreads();
    copies.start(target, task);
    target.releaseSlot(1);
    assertThat(ended.get(30, TimeUnit.SECONDS)).isEqualTo(TransferState.COMPLETED);
    assertThat(here.mismatch(there)).isEqualTo(-1);
    // Not the word before them, which is another process's.
    assertThat(marked).containsExactly(target.slotAddress(1));
  }

  /** A task of one large block, and its memory on both sides; who submits it waits. */
  private final class Much {
    final MemorySegment here = arena.allocate(MUCH);
    final MemorySegment there = arena.allocate(MUCH);
    final TransferTask task = write(here, there, MUCH);

    Much() {
      awaited = true;
    }

    void assertCopied() throws Exception {
      assertThat(ended.get(30, TimeUnit.SECONDS)).isEqualTo(TransferState.COMPLETED);
      assertThat(here.mismatch(there)).isEqualTo(-1);
    }
  }

  /** The others may come too late, or never. */
  @Test
  void whoWaitsCopiesAllThatOthersDoNot() throws Exception {
    Much much = new Much();
    holdSlotsOfCopyThreads();
    copies.start(target, much.task);
    assertThat(ended).isCompletedWithValue(TransferState.COMPLETED);
    much.assertCopied();
  }

  @Test
  void othersJoinWhoWaits() throws Exception {
    Much much = new Much();
    copies.start(target, much.task);
    much.assertCopied();
  }

  /** It ends its wait then, and has something else to do. */
  @Test
  void whoIsInterruptedLeavesTheRestToOthers() throws Exception {
    Much much = new Much();
    holdSlotsOfCopyThreads();
    Thread.currentThread().interrupt();
    copies.start(target, much.task);
    assertThat(Thread.interrupted()).as("it is kept").isTrue();
    assertThat(ended).isNotDone();
    assertThat(much.task.hasWork()).isTrue();
    target.releaseSlot(0);
    much.assertCopied();
  }

  @Test
  void whoWaitsCopiesNoMoreWhenTheEngineHasStopped() {
    Much much = new Much();
    copies.stop(Duration.ZERO);
    copies.start(target, much.task);
    assertThat(ended).isCompletedWithValue(TransferState.FAILED);
  }
}
