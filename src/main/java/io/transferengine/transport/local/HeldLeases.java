// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.os.Processes;
import io.transferengine.wire.HostDescriptor;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.LockSupport;

/**
 * Our leases at other engines, one for each, and our requests for them. Thread-safe.
 *
 * <p>An engine that gives us a lease gives it to another when our area is gone. So the area has to
 * stay as long as one of our threads is in the middle of a copy: {@link #end}.
 */
final class HeldLeases {
  /** Engines on one machine that an engine has met; those that have ended are forgotten first. */
  static final int LIMIT = 4096;

  private static final long LOOK_NANOS = 50_000;

  /** By what it has made itself: who tells of it may tell what it likes. */
  private record Giver(long area, long incarnation) {}

  private final Processes processes;

  // Guarded by this.
  private final Map<Giver, HeldLease> leases = new HashMap<>();
  private final BitSet asking = new BitSet(AreaLayout.ASKS);
  private boolean ended;

  HeldLeases(Processes processes) {
    this.processes = processes;
  }

  /** {@return a place for a request, to be given back; empty if as many are under way} */
  synchronized OptionalInt takePlace() {
    int place = asking.nextClearBit(0);
    if (ended || place >= AreaLayout.ASKS) {
      return OptionalInt.empty();
    }
    asking.set(place);
    return OptionalInt.of(place);
  }

  synchronized void givePlaceBack(int place) {
    asking.clear(place);
  }

  /**
   * {@return our lease at an engine: the one that we have, or a new one with the given slots; empty
   * if there are too many, or all have ended}
   */
  synchronized Optional<HeldLease> of(HostDescriptor host, long incarnation, long slots) {
    Giver giver = new Giver(host.area(), incarnation);
    HeldLease known = leases.get(giver);
    if (known != null) {
      // It has given us those before, and gives them to nobody else.
      return known.slotAddress(0) == slots ? Optional.of(known) : Optional.empty();
    }
    if (leases.size() >= LIMIT) {
      leases.values().removeIf(each -> processes.hasEnded(each.host().pid(), each.host().start()));
    }
    if (ended || leases.size() >= LIMIT) {
      return Optional.empty();
    }
    HeldLease made = new HeldLease(host, slots);
    leases.put(giver, made);
    return Optional.of(made);
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
