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

  /** Changed under the lock, as a whole; read without it, by who waits for peers' copies to end. */
  private volatile List<Lease> leases = List.of();

  private final BitSet used = new BitSet(AreaLayout.LEASES);

  /**
   * None yet.
   *
   * @param isOver whether the holder of a lease uses it no more; asked when leases run out, and may
   *     take long
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
  Optional<Lease> grant(HostDescriptor host, long incarnation, long number) {
    Optional<Lease> granted = granted(host, incarnation, number);
    if (granted.isEmpty()) {
      // Not under the lock: a look into another process may take long, and memory that is taken
      // back must not wait for it.
      endThoseThatAreOver(host);
      granted = granted(host, incarnation, number);
    }
    return granted;
  }

  private synchronized Optional<Lease> granted(HostDescriptor host, long incarnation, long number) {
    Optional<Lease> known =
        leases.stream().filter(each -> each.isOf(host, incarnation)).findFirst();
    Optional<Lease> granted = known.isPresent() ? known : made(host, incarnation);
    granted.ifPresent(
        lease -> area.grant(lease.index, host.pid(), host.start(), incarnation, number));
    return granted;
  }

  private Optional<Lease> made(HostDescriptor host, long incarnation) {
    int index = used.nextClearBit(0);
    if (ofProcess(host) >= OF_A_PROCESS || index >= AreaLayout.LEASES) {
      return Optional.empty();
    }
    Lease made = new Lease(index, host.pid(), host.start(), incarnation, host.area());
    List<Lease> all = new ArrayList<>(leases);
    all.add(made);
    leases = List.copyOf(all);
    used.set(index);
    return Optional.of(made);
  }

  private long ofProcess(HostDescriptor host) {
    return leases.stream().filter(each -> each.isOfProcess(host)).count();
  }

  /** Of a process that has too many it is enough to look at those. */
  private void endThoseThatAreOver(HostDescriptor host) {
    boolean full = leases.size() >= AreaLayout.LEASES;
    for (Lease lease : leases) {
      if ((full || lease.isOfProcess(host)) && isOver.test(lease)) {
        end(lease);
      }
    }
  }

  /** The holder of a lease uses it no more. */
  synchronized void end(Lease lease) {
    List<Lease> left = new ArrayList<>(leases);
    if (left.remove(lease)) {
      leases = List.copyOf(left);
      area.clear(lease.index);
      used.clear(lease.index);
    }
  }

  /** {@return all there are} Waits for nobody. */
  List<Lease> all() {
    return leases;
  }
}
