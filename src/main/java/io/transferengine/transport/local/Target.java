// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.memory.Region;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.BufferDescriptor;
import org.jspecify.annotations.Nullable;

/** An engine that we copy from and to, under one of its names. Thread-safe. */
final class Target {
  /** Told once that the engine is there no more. */
  @FunctionalInterface
  interface Witness {
    /**
     * It was noticed now.
     *
     * @param why a clause
     */
    void isLost(Target target, String why);
  }

  private final String name;
  private final HeldLease lease;
  private final PeerMap map;
  private final @Nullable PeerPools pools;
  private final @Nullable PeerImports imports;
  private volatile @Nullable Gate gate;
  private final Witness witness;
  private volatile boolean lost;

  /**
   * An engine that has given us a lease, of which no pools will be mapped; nobody is told of its
   * end.
   *
   * @param map its area
   */
  Target(String name, HeldLease lease, PeerMap map) {
    this(name, lease, map, null, (target, why) -> {});
  }

  /** An engine of which no memory of devices will be opened. */
  Target(String name, HeldLease lease, PeerMap map, @Nullable PeerPools pools, Witness witness) {
    this(name, lease, map, pools, null, witness);
  }

  /**
   * An engine that has given us a lease.
   *
   * @param map its area
   * @param pools of it that may be mapped
   * @param imports memory of its devices that is opened
   * @param witness on whichever thread notices the end; must not block, and throws nothing
   */
  Target(
      String name,
      HeldLease lease,
      PeerMap map,
      @Nullable PeerPools pools,
      @Nullable PeerImports imports,
      Witness witness) {
    this.imports = imports;
    this.witness = witness;
    this.pools = pools;
    this.name = name;
    this.lease = lease;
    this.map = map;
  }

  String name() {
    return name;
  }

  int pid() {
    return lease.host().pid();
  }

  long area() {
    return lease.host().area();
  }

  /** {@return its area, as we have mapped it} */
  PeerMap map() {
    return map;
  }

  /** {@return its pools that are mapped here; null if none will be} */
  @Nullable PeerPools pools() {
    return pools;
  }

  /** {@return memory of its devices that is open here; null if none will be} */
  @Nullable PeerImports imports() {
    return imports;
  }

  /** {@return where our word for that is, in its memory} */
  long importsAddress() {
    return lease.importsAddress();
  }

  /** {@return whether {@link #hasEnded} can tell} */
  boolean isWatched() {
    return pools != null && pools.isWatched();
  }

  /** {@return whether its process has ended, and with it the memory that we have copied to} */
  boolean hasEnded() {
    return pools == null || pools.hasEnded();
  }

  /**
   * {@return whether a task is likely to be copied without a call} It is, if all of its blocks lie
   * in the same memory as the first.
   */
  boolean isMapped(TransferTask task) {
    if (pools == null || task.region(task.firstLocal()).owner() != Region.Owner.POOL) {
      return false;
    }
    BufferDescriptor buffer = task.buffer(task.remote(0)).orElse(null);
    return buffer != null && pools.isMapped(buffer.fence());
  }

  /** {@return the gate that was open when we last looked; null if we have not} */
  @Nullable Gate gate() {
    return gate;
  }

  /** {@return the gate at an address, which was just found to be the open one} */
  Gate gateAt(long address) {
    Gate known = gate;
    if (known == null || known.address() != address) {
      known = new Gate(address);
      gate = known;
    }
    return known;
  }

  /** A gate was found closed. */
  @SuppressWarnings("ReferenceEquality") // this very gate, not one like it
  void gateIsClosed(Gate closed) {
    if (gate == closed) {
      gate = null;
    }
  }

  /** Its area is not there any more. {@code why} is a clause. */
  void markLost(String why) {
    synchronized (this) {
      if (lost) {
        return;
      }
      lost = true;
    }
    witness.isLost(this, why);
  }

  boolean isLost() {
    return lost;
  }

  /** {@return a slot that nobody else has now, to be released; -1 if there is none} */
  int acquireSlot(boolean copyThread) {
    return lease.acquireSlot(copyThread);
  }

  void releaseSlot(int slot) {
    lease.releaseSlot(slot);
  }

  /** {@return the address of a slot in its memory} */
  long slotAddress(int slot) {
    return lease.slotAddress(slot);
  }
}
