// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.os.Processes;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Finds out when copies that look at tables of blocks have ended: in rounds, one after another. A
 * round begins with a look at all slots, and is over when each that had such a copy has had another
 * value since. So a block that was refused before a round began is nobody's when that is over: who
 * has marked a slot since has found the block refused. Thread-safe.
 *
 * <p>A round begins when a block is refused, unless another is not over; while no peer copies, it
 * is over at once.
 */
final class Rounds {
  /** How often slots are looked at; a copy takes less than a millisecond. */
  private static final long LOOK_NANOS = 50_000;

  /** How often it is found out whether a peer that does not go on has ended. */
  private static final long PROCESS_LOOK_NANOS = 10_000_000;

  private final Area area;
  private final Leases leases;
  private final Processes processes;

  // Guarded by this.
  private long begun;
  private long over;
  private boolean ended;

  /** Slots of the last round: who has them, which they are, what was in them. */
  private Leases.Lease[] holders = new Leases.Lease[0];

  private long[] values = new long[0];
  private int[] slots = new int[0];
  private int left;

  /** None begun. */
  Rounds(Area area, Leases leases, Processes processes) {
    this.area = area;
    this.leases = leases;
    this.processes = processes;
  }

  /** {@return the number of a round that begins now or later} A full heap is no matter. */
  synchronized long next() {
    try {
      if (isOver(begun) && !ended) {
        begin();
        return begun;
      }
    } catch (OutOfMemoryError later) {
      // As if one were under way.
    }
    return begun + 1;
  }

  /** {@return whether a round is over; the one that has to begin for it does} Does not wait. */
  synchronized boolean isOver(long number) {
    while (!ended && over < number) {
      if (begun == over) {
        begin();
      }
      if (!areLeft()) {
        return false;
      }
      over = begun;
    }
    return true;
  }

  /** If it throws for want of memory, none has begun. */
  private void begin() {
    VarHandle.fullFence();
    List<Leases.Lease> all = leases.all();
    int most = all.size() * AreaLayout.SLOTS;
    if (values.length < most) {
      Leases.Lease[] moreHolders = new Leases.Lease[most];
      int[] moreSlots = new int[most];
      values = new long[most];
      slots = moreSlots;
      holders = moreHolders;
    }
    left = 0;
    for (Leases.Lease lease : all) {
      for (int slot = 0; slot < AreaLayout.SLOTS; slot++) {
        long value = area.slot(lease.index(), slot);
        if ((value & AreaLayout.BLOCKS) != 0) {
          holders[left] = lease;
          slots[left] = slot;
          values[left++] = value;
        }
      }
    }
    begun++;
  }

  /** {@return whether each of the slots has had another value} */
  private boolean areLeft() {
    int still = 0;
    for (int i = 0; i < left; i++) {
      if (area.slot(holders[i].index(), slots[i]) == values[i]) {
        holders[still] = holders[i];
        slots[still] = slots[i];
        values[still++] = values[i];
      }
    }
    left = still;
    return left == 0;
  }

  /** Waits until a round is over; {@return whether it is within {@code nanos}} */
  boolean await(long number, long nanos) {
    boolean interrupted = false;
    long start = System.nanoTime();
    long nextLook = start + PROCESS_LOOK_NANOS;
    boolean isOver = isOver(number);
    while (!isOver && System.nanoTime() - start < nanos) {
      interrupted |= Thread.interrupted();
      LockSupport.parkNanos(LOOK_NANOS);
      if (System.nanoTime() - nextLook >= 0) {
        endThoseOfTheDead();
        nextLook = System.nanoTime() + PROCESS_LOOK_NANOS;
      }
      isOver = isOver(number);
    }
    if (!isOver) {
      endThoseOfTheDead();
      isOver = isOver(number);
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return isOver;
  }

  /** Without the lock: a look into a process may take long. */
  private void endThoseOfTheDead() {
    for (Leases.Lease lease : waitedFor()) {
      if (processes.hasEnded(lease.pid(), lease.start())) {
        leases.end(lease);
      }
    }
  }

  private synchronized List<Leases.Lease> waitedFor() {
    return Arrays.asList(holders).subList(0, left).stream().distinct().toList();
  }

  /** No copy is under way any more, and the area may go. */
  synchronized void end() {
    ended = true;
    left = 0;
  }
}
