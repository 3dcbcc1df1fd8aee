// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.os.Errno;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.IoVectors;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.ProcessMemory;
import io.transferengine.os.Processes;
import io.transferengine.testkit.PeerProcess;
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
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The initiator's side of ADR 39, against an area of this process. */
@Timeout(60)
@SuppressWarnings("restricted") // looks into an area of this process
class CopierTest implements TransferWork.Listener {
  private static final int BYTES = 1 << 16;

  private final ProcessMemory calls = new FfmProcessMemory();
  private final Processes processes = new LinuxProcesses();
  private final Area area = new Area(1);
  private final Leases leases = new Leases(area, _ -> false);
  private final Fences fences = new Fences(area, leases, processes, Duration.ofSeconds(1));
  private final Arena arena = Arena.ofShared();
  private final MemorySegment here = arena.allocate(BYTES, 4096);
  private final MemorySegment there = arena.allocate(BYTES, 4096);
  private final RegionTable table = new RegionTable();
  private final Region ours = region(here);
  private final Region theirs = region(there);
  private final Leases.Lease lease =
      leases
          .grant(new HostDescriptor("boot", 1, processes.own(), 1, area.address()), 1, 1)
          .orElseThrow();
  private final Copier copier = new Copier(calls, processes.own(), LocalFaults.mistake());

  private @Nullable TransferState state;
  private @Nullable FailureCause cause;
  private String text = "";

  private Region region(MemorySegment memory) {
    return table
        .registerAll(
            new long[] {memory.address()}, new long[] {BYTES}, "*", AccessRights.READ_WRITE)
        .getFirst();
  }

  @AfterEach
  void end() {
    fences.end(Duration.ofSeconds(1), true);
    arena.close();
  }

  @Override
  public void taskEnded(
      TransferState end, @Nullable TransferException failure, @Nullable FailureCause why) {
    state = end;
    cause = why;
    text = String.valueOf(failure);
  }

  private Target target(int pid) {
    return new Target(
        "peer",
        new HeldLease(
            new HostDescriptor("boot", 1, pid, 1, area.address()), area.slots(lease.index())),
        new PeerMap(
            MemorySegment.ofAddress(area.address()).reinterpret(AreaLayout.BYTES), area.address()));
  }

  private TransferTask task(Operation operation, long remote, BufferDescriptor... buffers) {
    BlockColumns blocks = BlockColumns.of(here.address(), remote, BYTES);
    return new TransferTask(operation, blocks, ours, new PeerBuffers(List.of(buffers)), this);
  }

  private BufferDescriptor published() {
    return new BufferDescriptor("peer", there.address(), BYTES).withFence(fences.of(theirs));
  }

  private boolean run(TransferTask task, Target target) {
    assertThat(copier.claim(task)).isPositive();
    return copier.copy(task, target, 0);
  }

  private boolean isSlotEmpty() {
    return area.passed(lease.index(), Long.MAX_VALUE) == Area.Passed.NOTHING;
  }

  @ParameterizedTest
  @EnumSource
  void bytesAreCopiedAndTheSlotIsEmptyBehind(Operation operation) {
    fences.admit(List.of(theirs));
    (operation == Operation.WRITE ? here : there).fill((byte) 9);
    assertThat(run(task(operation, there.address(), published()), target(processes.own())))
        .isFalse();
    assertThat(state).isEqualTo(TransferState.COMPLETED);
    assertThat(here.mismatch(there)).isEqualTo(-1);
    assertThat(here.get(ValueLayout.JAVA_BYTE, BYTES - 1)).isEqualTo((byte) 9);
    assertThat(isSlotEmpty()).isTrue();
  }

  /** The number of a process may be another's, of the same user, that has memory at the address. */
  @ParameterizedTest
  @EnumSource
  void anotherProcessOfTheNumberIsNotTouched(Operation operation) {
    fences.admit(List.of(theirs));
    Target target = target(processes.own());
    assertThat(run(task(operation, there.address(), published()), target)).isFalse();
    assertThat(state).isEqualTo(TransferState.COMPLETED);
    try (PeerProcess other = PeerProcess.start()) {
      long memory = other.map(BYTES);
      other.fill(memory, BYTES, 5);
      here.fill((byte) 3);
      // All that was found out before still stands: gate, slot, and word are the same.
      Target reused = target((int) other.process().pid());
      Gate known = reused.gateAt(Objects.requireNonNull(target.gate()).address());
      known.note(
          new Gate.Entry(
              fences.of(theirs), memory, BYTES, AreaLayout.MAY_WRITE | AreaLayout.MAY_READ));
      BufferDescriptor buffer =
          new BufferDescriptor("peer", memory, BYTES).withFence(fences.of(theirs));
      assertThat(run(task(operation, memory, buffer), reused)).isFalse();
      assertThat(state).isEqualTo(TransferState.FAILED);
      assertThat(cause).isEqualTo(FailureCause.STALE_DESCRIPTOR);
      assertThat(reused.isLost()).isTrue();
      assertThat(other.mismatch(memory, BYTES, 5)).isEqualTo(-1);
      assertThat(here.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 3);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aRegistrationThatHasEndedIsNotTouchedAndOneBesideItIs(Operation operation) {
    fences.admit(List.of(theirs, ours));
    Target target = target(processes.own());
    assertThat(run(task(operation, there.address(), published()), target)).isFalse();
    BufferDescriptor old = published();
    there.fill((byte) 1);
    here.fill((byte) 2);
    fences.refuse(List.of(theirs));
    assertThat(run(task(operation, there.address(), old), target)).isFalse();
    assertThat(state).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.STALE_DESCRIPTOR);
    assertThat(text).contains("peer", "not wholly inside memory that it has registered");
    assertThat(here.get(ValueLayout.JAVA_BYTE, 7)).isEqualTo((byte) 2);
    assertThat(there.get(ValueLayout.JAVA_BYTE, 7)).isEqualTo((byte) 1);
    assertThat(isSlotEmpty()).isTrue();
    // The gate is another one now.
    BufferDescriptor other =
        new BufferDescriptor("peer", here.address(), BYTES).withFence(fences.of(ours));
    assertThat(run(task(operation, here.address(), other), target)).isFalse();
    assertThat(state).isEqualTo(TransferState.COMPLETED);
    assertThat(isSlotEmpty()).isTrue();
  }

  @ParameterizedTest
  @EnumSource
  void memoryThatIsGoneFailsItsTransferWithoutACrash(Operation operation) {
    // Registered by a peer that has unmapped it.
    Region region = region(MemorySegment.ofAddress(1 << 16));
    fences.admit(List.of(region));
    BufferDescriptor gone =
        new BufferDescriptor("peer", 1 << 16, BYTES).withFence(fences.of(region));
    assertThat(run(task(operation, 1 << 16, gone), target(processes.own()))).isFalse();
    assertThat(state).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.REMOTE_REFUSED);
    assertThat(text).contains("its memory from 0x10000 to 0x20000");
    assertThat(isSlotEmpty()).isTrue();
  }

  /** Which says nothing of the peer. */
  @Test
  void aKernelThatHasNoMemoryFailsTheTransferOnly() {
    fences.admit(List.of(theirs));
    ProcessMemory poor =
        new ProcessMemory() {
          @Override
          public long read(int pid, IoVectors into, IoVectors from) {
            return -Errno.ENOMEM.number();
          }

          @Override
          public long write(int pid, IoVectors from, IoVectors to) {
            return -Errno.ENOMEM.number();
          }
        };
    Copier unlucky = new Copier(poor, processes.own(), LocalFaults.mistake());
    Target target = target(processes.own());
    TransferTask task = task(Operation.WRITE, there.address(), published());
    assertThat(unlucky.claim(task)).isEqualTo(1);
    assertThat(unlucky.copy(task, target, 0)).isFalse();
    assertThat(state).isEqualTo(TransferState.FAILED);
    assertThat(cause).isEqualTo(FailureCause.LOCAL);
    assertThat(text).contains("peer", "Cannot allocate memory");
    assertThat(target.isLost()).isFalse();
  }

  @Test
  void piecesOfOneRegistrationAreOneRange() {
    fences.admit(List.of(theirs));
    here.fill((byte) 4);
    BufferDescriptor low =
        new BufferDescriptor("peer", there.address(), 5000).withFence(fences.of(theirs));
    BufferDescriptor high =
        new BufferDescriptor("peer", there.address() + 5000, BYTES - 5000)
            .withFence(fences.of(theirs));
    TransferTask task = task(Operation.WRITE, there.address(), low, high);
    assertThat(copier.claim(task)).isEqualTo(2);
    assertThat(copier.copy(task, target(processes.own()), 0)).isFalse();
    assertThat(state).isEqualTo(TransferState.COMPLETED);
    assertThat(here.mismatch(there)).isEqualTo(-1);
  }

  @Test
  void aPeerThatTakesMemoryBackAllTheTimeGetsItsRequestsLater() {
    fences.admit(List.of(theirs));
    AtomicInteger looks = new AtomicInteger();
    ProcessMemory restless =
        new ProcessMemory() {
          @Override
          public long read(int pid, IoVectors into, IoVectors from) {
            return calls.read(pid, into, from);
          }

          @Override
          public long write(int pid, IoVectors from, IoVectors to) {
            looks.incrementAndGet();
            area.next();
            return calls.write(pid, from, to);
          }
        };
    Copier tired = new Copier(restless, processes.own(), LocalFaults.mistake());
    TransferTask task = task(Operation.WRITE, there.address(), published());
    assertThat(tired.claim(task)).isEqualTo(1);
    assertThat(tired.copy(task, target(processes.own()), 0)).isTrue();
    assertThat(looks.get()).isBetween(2, 100);
    assertThat(task.hasWork()).isTrue();
    assertThat(task.isQuiet()).isTrue();
    assertThat(isSlotEmpty()).isTrue();
    assertThat(run(task, target(processes.own()))).isFalse();
    assertThat(state).isEqualTo(TransferState.COMPLETED);
  }
}
