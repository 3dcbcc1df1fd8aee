// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.wire.HostDescriptor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Which engine has which slots of our area: one lease each, however often it asks. Two that write
 * into one slot would hide each other's copies, so a lease is given to another only when its holder
 * uses it no more. Thread-safe.
 */
final class Leases {
  /** Of one process: as many engines of it may reach us. */
  static final int OF_A_PROCESS = 16;

  /**
   * One engine's slots.
   *
   * @param pid its process
   * @param start when that began
   * @param area where the engine's own area is
   */
  record Lease(int index, int pid, long start, long incarnation, long area) {
    private boolean isOf(HostDescriptor host, long engine) {
      return isOfProcess(host) && incarnation == engine && area == host.area();
    }

    private boolean isOfProcess(HostDescriptor host) {
      return pid == host.pid() && start == host.start();
    }
  }

  private final Area area;
  private final Predicate<Lease> isOver;
  private final List<Lease> leases = new ArrayList<>();
  private final BitSet used = new BitSet(AreaLayout.LEASES);

  /**
   * None yet.
   *
   * @param isOver whether the holder of a lease uses it no more; asked when leases run out
   */
  Leases(Area area, Predicate<Lease> isOver) {
    this.area = area;
    this.isOver = isOver;
  }

  /**
   * {@return the lease of an engine, which is known to ask; empty if there is no room}
   *
   * @param number that of its request, which it finds beside the lease
   */
  synchronized Optional<Lease> grant(HostDescriptor host, long incarnation, long number) {
    Optional<Lease> known =
        leases.stream().filter(each -> each.isOf(host, incarnation)).findFirst();
    Optional<Lease> granted = known.isPresent() ? known : made(host, incarnation);
    granted.ifPresent(
        lease -> area.grant(lease.index, host.pid(), host.start(), incarnation, number));
    return granted;
  }

  private Optional<Lease> made(HostDescriptor host, long incarnation) {
    if (used.cardinality() == AreaLayout.LEASES) {
      endThose(each -> true);
    }
    if (ofProcess(host) >= OF_A_PROCESS) {
      endThose(each -> each.isOfProcess(host));
    }
    int index = used.nextClearBit(0);
    if (ofProcess(host) >= OF_A_PROCESS || index >= AreaLayout.LEASES) {
      return Optional.empty();
    }
    Lease made = new Lease(index, host.pid(), host.start(), incarnation, host.area());
    leases.add(made);
    used.set(index);
    return Optional.of(made);
  }

  private long ofProcess(HostDescriptor host) {
    return leases.stream().filter(each -> each.isOfProcess(host)).count();
  }

  private void endThose(Predicate<Lease> some) {
    for (Lease lease : List.copyOf(leases)) {
      if (some.test(lease) && isOver.test(lease)) {
        end(lease);
      }
    }
  }

  /** The holder of a lease uses it no more. */
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
