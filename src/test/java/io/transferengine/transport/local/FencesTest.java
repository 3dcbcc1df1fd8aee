// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.os.Errno;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.IoVectors;
import io.transferengine.os.ProcessMemory;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.HostDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The target's side of ADR 39, with a peer written by hand from it. */
@Timeout(60)
class FencesTest {
  private static final ProcessMemory CALLS = new FfmProcessMemory();

  private final Told processes = new Told();
  private final Set<Long> over = ConcurrentHashMap.newKeySet();
  private Runnable whileLooking = () -> {};
  private final Area area = new Area(0x1234);
  private final Leases leases = new Leases(area, this::isOver);
  private final Fences fences = new Fences(area, leases, processes, Duration.ofMillis(300));
  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory = arena.allocate(8192, 4096);
  private final MemorySegment words = arena.allocate(64, 8);
  private final Region region =
      new RegionTable()
          .registerAll(
              new long[] {memory.address()}, new long[] {8192}, "*", AccessRights.READ_WRITE)
          .getFirst();

  @AfterEach
  void end() {
    fences.end(Duration.ofSeconds(1), true);
    arena.close();
  }

  private Leases.Lease lease(int pid) {
    return grant(pid).orElseThrow();
  }

  private Optional<Leases.Lease> grant(int pid) {
    return grant(pid, 1);
  }

  private Optional<Leases.Lease> grant(int pid, long incarnation) {
    return leases.grant(new HostDescriptor("boot", 1, pid, pid, 1), incarnation, 5);
  }

  private boolean isOver(Leases.Lease lease) {
    whileLooking.run();
    return processes.hasEnded(lease.pid(), lease.start()) || over.contains(lease.incarnation());
  }

  private long word(long address) {
    IoVectors into = new IoVectors(1);
    IoVectors from = new IoVectors(1);
    into.add(words.address() + 32, 8);
    from.add(address, 8);
    assertThat(CALLS.read(processes.own(), into, from)).isEqualTo(8);
    return words.get(ValueLayout.JAVA_LONG, 32);
  }

  private long openGate() {
    return word(area.address() + AreaLayout.GATE_AT);
  }

  /** The peer's call for a write of 8 bytes, up to a part of it. */
  private long write(Leases.Lease lease, long gate, int parts) {
    IoVectors ours = new IoVectors(4);
    IoVectors theirs = new IoVectors(4);
    long slot = area.slots(lease.index());
    words.set(ValueLayout.JAVA_LONG, 0, gate);
    words.set(ValueLayout.JAVA_LONG, 8, 0);
    words.set(ValueLayout.JAVA_LONG, 16, 77);
    long[][] lists = {
      {words.address(), slot},
      {words.address() + 8, gate},
      {words.address() + 16, memory.address()},
      {words.address() + 8, slot}
    };
    for (int i = 0; i < parts; i++) {
      ours.add(lists[i][0], 8);
      theirs.add(lists[i][1], 8);
    }
    return CALLS.write(processes.own(), ours, theirs);
  }

  @Test
  void aWriteThroughTheOpenGateArrivesAndOneThroughAClosedGateDoesNot() {
    Leases.Lease lease = lease(7);
    fences.admit(List.of(region));
    long fence = fences.of(region);
    assertThat(word(area.address() + AreaLayout.entryAt(fence))).isEqualTo(fence);
    long gate = openGate();
    assertThat(write(lease, gate, 4)).isEqualTo(32);
    assertThat(memory.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(77);
    long version = fences.version();
    fences.refuse(List.of(region));
    assertThat(fences.version()).isNotEqualTo(version);
    assertThat(fences.of(region)).isZero();
    memory.set(ValueLayout.JAVA_LONG, 0, 1);
    assertThat(write(lease, gate, 4)).as("only the slot").isEqualTo(8);
    assertThat(memory.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(1);
    // Whoever looks first where the open gate is, finds the registration gone.
    assertThat(openGate()).isNotEqualTo(gate);
    assertThat(word(area.address() + AreaLayout.entryAt(fence))).isZero();
    assertThat(write(lease, openGate(), 4)).isEqualTo(32);
    fences.refuse(List.of(region)); // Once more does nothing.
  }

  @Test
  void noNumberIsThatOfAnEarlierRegistration() {
    fences.admit(List.of(region));
    long first = fences.of(region);
    fences.refuse(List.of(region));
    fences.admit(List.of(region));
    assertThat(fences.of(region)).isNotZero().isNotEqualTo(first);
    assertThat(AreaLayout.index(fences.of(region))).isEqualTo(AreaLayout.index(first));
  }

  @Test
  void aCopyUnderWayIsWaitedFor() throws Exception {
    Leases.Lease lease = lease(7);
    fences.admit(List.of(region));
    long gate = openGate();
    assertThat(write(lease, gate, 2)).isEqualTo(16); // Through the gate, and not out of it.
    assertThatThrownBy(() -> fences.refuse(List.of(region)))
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.BATCH_BUSY))
        .hasMessageContaining("Process 7");
    CountDownLatch begun = new CountDownLatch(1);
    Thread retry =
        Thread.ofPlatform()
            .start(
                () -> {
                  begun.countDown();
                  fences.refuse(List.of(region));
                });
    begun.await();
    // Another copy of the peer, through the gate that is open now, is not waited for.
    assertThat(write(lease, openGate(), 2)).isEqualTo(16);
    retry.join();
    assertThat(fences.of(region)).isZero();
    assertThat(write(lease, openGate(), 4)).isEqualTo(32);
  }

  /** As an engine ends a batch: all, then each to see which are free. The wait is for all. */
  @Test
  void whatWasWaitedForTogetherIsNotWaitedForOneByOne() {
    Leases.Lease lease = lease(7);
    MemorySegment more = arena.allocate(8192, 4096);
    Region other =
        new RegionTable()
            .registerAll(
                new long[] {more.address()}, new long[] {8192}, "*", AccessRights.READ_WRITE)
            .getFirst();
    fences.admit(List.of(region, other));
    assertThat(write(lease, openGate(), 2)).isEqualTo(16);
    isBusy(region, other);
    int looks = processes.looks.get();
    assertThat(looks).isPositive();
    isBusy(region);
    isBusy(other);
    assertThat(processes.looks).hasValue(looks);
    // The next time it is waited for again.
    isBusy(other);
    assertThat(processes.looks.get()).isGreaterThan(looks);
    assertThat(write(lease, openGate(), 4)).isEqualTo(32);
    fences.refuse(List.of(region, other));
  }

  private void isBusy(Region... regions) {
    assertThatThrownBy(() -> fences.refuse(List.of(regions)))
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.BATCH_BUSY));
  }

  @Test
  void aPeerThatHasEndedOrIsStoppedIsNotWaitedFor() {
    Leases.Lease ended = lease(7);
    Leases.Lease stopped = lease(8);
    fences.admit(List.of(region));
    assertThat(write(ended, openGate(), 2)).isEqualTo(16);
    assertThat(write(stopped, openGate(), 2)).isEqualTo(16);
    processes.ended.add(7);
    processes.stopped.add(8);
    fences.refuse(List.of(region));
    assertThat(leases.all()).extracting(Leases.Lease::pid).containsExactly(8);
    assertThat(word(area.slots(ended.index()))).isZero();
  }

  @Test
  void gatesNeverEndAndNoneOpensTwice() {
    Leases.Lease lease = lease(7);
    long first = openGate();
    for (int i = 0; i < 140_000; i++) {
      area.next();
    }
    assertThat(write(lease, first, 2)).isEqualTo(8);
    assertThat(area.passed(lease.index(), 0)).isEqualTo(Area.Passed.CALLS);
    long gate = openGate();
    assertThat(write(lease, gate, 2)).isEqualTo(16);
    assertThat(area.passed(lease.index(), area.openGate() - 1)).isEqualTo(Area.Passed.NOTHING);
    assertThat(area.passed(lease.index(), area.openGate())).isEqualTo(Area.Passed.CALLS);
    area.next();
    assertThat(write(lease, gate, 2)).isEqualTo(8);
    assertThat(write(lease, openGate(), 4)).isEqualTo(32);
  }

  @Test
  void leasesAreLimitedForAProcessAndInAllAndThoseOfTheDeadGoBack() {
    for (int i = 0; i < Leases.OF_A_PROCESS; i++) {
      assertThat(grant(5, i)).isPresent();
    }
    assertThat(grant(5, 99)).isEmpty();
    for (int i = Leases.OF_A_PROCESS; i < AreaLayout.LEASES; i++) {
      assertThat(grant(1000 + i)).isPresent();
    }
    assertThat(grant(9)).isEmpty();
    assertThat(leases.all()).extracting(Leases.Lease::index).doesNotHaveDuplicates();
    processes.ended.add(5);
    assertThat(grant(9)).isPresent();
  }

  @Test
  void anEngineThatAsksAgainGetsTheSameLease() {
    Leases.Lease first = grant(5, 1).orElseThrow();
    long holder = area.address() + AreaLayout.holderAt(first.index());
    assertThat(word(holder)).isEqualTo(5);
    assertThat(word(holder + 8)).isEqualTo(5);
    assertThat(word(holder + 16)).isEqualTo(1);
    assertThat(word(holder + 24)).isEqualTo(5);
    for (int i = 0; i < AreaLayout.LEASES; i++) {
      assertThat(grant(5, 1)).contains(first);
    }
    assertThat(leases.all()).containsExactly(first);
  }

  /** Its process lives on. */
  @Test
  void theLeaseOfAnEngineThatHasClosedGoesBack() {
    for (int i = 0; i < Leases.OF_A_PROCESS; i++) {
      assertThat(grant(5, i)).isPresent();
    }
    over.add(3L);
    Leases.Lease next = grant(5, 99).orElseThrow();
    assertThat(word(area.address() + AreaLayout.holderAt(next.index()) + 16)).isEqualTo(99);
    assertThat(grant(5, 3)).isEmpty();
  }

  /** A look into another process may take long. */
  @Test
  void memoryIsTakenBackWhileLeasesOfOthersAreLookedAt() {
    for (int i = 0; i < Leases.OF_A_PROCESS; i++) {
      assertThat(grant(5, i)).isPresent();
    }
    fences.admit(List.of(region));
    whileLooking =
        () ->
            CompletableFuture.runAsync(() -> fences.refuse(List.of(region)))
                .orTimeout(20, TimeUnit.SECONDS)
                .join();
    over.add(3L);
    assertThat(grant(5, 99)).isPresent();
    assertThat(fences.of(region)).isZero();
  }

  /** As when the heap is full, or the area has gone meanwhile. */
  @Test
  void whatCouldNotBeAdmittedIsNotKnown() {
    Area other = new Area(0x1235);
    Fences full = new Fences(other, new Leases(other, _ -> true), processes, Duration.ZERO);
    other.unmap();
    assertThatThrownBy(() -> full.admit(List.of(region))).isInstanceOf(IllegalStateException.class);
    assertThat(full.of(region)).isZero();
  }

  @Test
  void afterTheEndNothingIsThereAndNothingCrashes() {
    Leases.Lease lease = lease(7);
    fences.admit(List.of(region));
    long gate = openGate();
    fences.end(Duration.ofSeconds(1), true);
    assertThat(write(lease, gate, 4)).isEqualTo(-Errno.EFAULT.number());
    fences.refuse(List.of(region));
    fences.admit(List.of(region));
    assertThat(fences.of(region)).isZero();
    fences.end(Duration.ofSeconds(1), true);
  }
}
