// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.wire.HostDescriptor;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * Our leases at other engines, one for each, and our requests for them. Thread-safe.
 *
 * <p>An engine that gives us a lease gives it to another when our area is gone. So the area has to
 * stay as long as one of our threads is in the middle of a copy: {@link #end}.
 */
final class HeldLeases {
  /**
   * Engines on one machine that an engine has met. Beyond it, those that have ended are forgotten,
   * with their processes or not.
   */
  static final int LIMIT = 4096;

  private static final long LOOK_NANOS = 50_000;

  /** By what it has made itself: who tells of it may tell what it likes. */
  private record Giver(long area, long incarnation) {}

  /** Finds out whether an engine has ended. It looks into a process, which may take long. */
  @FunctionalInterface
  interface Look {
    /** {@return whether the engine that was in a process is there no more} */
    boolean isOver(HostDescriptor host, long incarnation);
  }

  private final Look look;

  // Guarded by this.
  private final Map<Giver, HeldLease> leases = new HashMap<>();
  private final BitSet asking = new BitSet(AreaLayout.ASKS);
  private boolean ended;

  HeldLeases(Look look) {
    this.look = look;
  }

  /**
   * {@return a place for a request, to be given back; -1 if as many are under way} Takes no memory:
   * then it could be taken and not be known.
   */
  synchronized int takePlace() {
    int place = asking.nextClearBit(0);
    if (ended || place >= AreaLayout.ASKS) {
      return -1;
    }
    asking.set(place);
    return place;
  }

  synchronized void givePlaceBack(int place) {
    asking.clear(place);
  }

  /**
   * {@return our lease at an engine: the one that we have, or a new one with the given slots; empty
   * if there are too many, or all have ended}
   */
  Optional<HeldLease> of(HostDescriptor host, long incarnation, long slots) {
    Giver giver = new Giver(host.area(), incarnation);
    if (isFullFor(giver)) {
      forgetThoseThatAreOver();
    }
    return of(giver, host, slots);
  }

  private synchronized boolean isFullFor(Giver giver) {
    return leases.size() >= LIMIT && !leases.containsKey(giver);
  }

  private synchronized Optional<HeldLease> of(Giver giver, HostDescriptor host, long slots) {
    HeldLease known = leases.get(giver);
    if (known != null) {
      // It has given us those before, and gives them to nobody else.
      return known.slotAddress(0) == slots ? Optional.of(known) : Optional.empty();
    }
    if (ended || leases.size() >= LIMIT) {
      return Optional.empty();
    }
    HeldLease made = new HeldLease(host, slots);
    leases.put(giver, made);
    return Optional.of(made);
  }

  /**
   * Who has one of them still finds the engine gone when it copies. What is in the middle of a copy
   * is waited for at our end, so it stays.
   */
  private void forgetThoseThatAreOver() {
    Map<Giver, HeldLease> all;
    synchronized (this) {
      all = Map.copyOf(leases);
    }
    all.forEach(
        (giver, lease) -> {
          if (look.isOver(lease.host(), giver.incarnation)) {
            synchronized (this) {
              if (!lease.isUsed()) {
                boolean _ = leases.remove(giver, lease);
              }
            }
          }
        });
  }

  /**
   * No thread of ours begins a copy any more.
   *
   * @param endNanos until when those that have begun are waited for
   * @return whether all have ended
   */
  boolean end(long endNanos) {
    List<HeldLease> all;
    synchronized (this) {
      ended = true;
      all = List.copyOf(leases.values());
    }
    all.forEach(HeldLease::end);
    boolean interrupted = false;
    boolean isOver = true;
    for (HeldLease each : all) {
      while (!each.end() && System.nanoTime() - endNanos < 0) {
        interrupted |= Thread.interrupted();
        LockSupport.parkNanos(LOOK_NANOS);
      }
      isOver &= each.end();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return isOver;
  }
}
