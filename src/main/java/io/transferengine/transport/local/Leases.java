// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.os.Processes;
import io.transferengine.wire.HostDescriptor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/**
 * Which process has which slots of our area. A lease is never given twice while its process lives:
 * two that write into one slot would hide each other's copies. Thread-safe.
 */
final class Leases {
  /** Of one process: as many engines of it may reach us, or as often may one have asked again. */
  static final int OF_A_PROCESS = 16;

  /** One process's slots. */
  record Lease(int index, int pid, long start) {}

  private final Area area;
  private final Processes processes;
  private final List<Lease> leases = new ArrayList<>();
  private final BitSet used = new BitSet(AreaLayout.LEASES);

  Leases(Area area, Processes processes) {
    this.area = area;
    this.processes = processes;
  }

  /** {@return a new lease for a process, which is known to be there; empty if there is no room} */
  synchronized Optional<Lease> grant(HostDescriptor host) {
    if (used.cardinality() == AreaLayout.LEASES) {
      endThoseOfTheDead();
    }
    long own = leases.stream().filter(l -> l.pid == host.pid() && l.start == host.start()).count();
    int index = used.nextClearBit(0);
    if (own >= OF_A_PROCESS || index >= AreaLayout.LEASES) {
      return Optional.empty();
    }
    Lease made = new Lease(index, host.pid(), host.start());
    leases.add(made);
    used.set(index);
    return Optional.of(made);
  }

  private void endThoseOfTheDead() {
    for (Lease lease : List.copyOf(leases)) {
      if (processes.hasEnded(lease.pid, lease.start)) {
        end(lease);
      }
    }
  }

  /** The process of a lease has ended. */
  synchronized void end(Lease lease) {
    if (leases.remove(lease)) {
      area.clear(lease.index);
      used.clear(lease.index);
    }
  }

  /** {@return all there are} */
  synchronized List<Lease> all() {
    return List.copyOf(leases);
  }
}
