// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.wire.HostDescriptor;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A process that we copy from and to, and our lease there. Thread-safe. */
final class Target {
  /** Slots of the copy threads; the others are for the threads that submit. */
  static final int OF_COPY_THREADS = AreaLayout.SLOTS / 2;

  private static final int COPY_THREADS_MASK = (1 << OF_COPY_THREADS) - 1;
  private static final int SUBMITTERS_MASK = ((1 << AreaLayout.SLOTS) - 1) & ~COPY_THREADS_MASK;

  private final String name;
  private final HostDescriptor host;
  private final long slots;
  private final AtomicInteger used = new AtomicInteger();
  private volatile @Nullable Gate gate;
  private volatile boolean lost;

  /**
   * A process that has given us a lease.
   *
   * @param slots where our slots are in its memory
   */
  Target(String name, HostDescriptor host, long slots) {
    this.name = name;
    this.host = host;
    this.slots = slots;
  }

  String name() {
    return name;
  }

  int pid() {
    return host.pid();
  }

  long area() {
    return host.area();
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

  /** Its area is not there any more. */
  void markLost() {
    lost = true;
  }

  boolean isLost() {
    return lost;
  }

  /** {@return a slot that nobody else has now, to be released; -1 if there is none} */
  int acquireSlot(boolean copyThread) {
    int mask = copyThread ? COPY_THREADS_MASK : SUBMITTERS_MASK;
    while (true) {
      int seen = used.get();
      int free = ~seen & mask;
      if (free == 0) {
        return -1;
      }
      int slot = Integer.numberOfTrailingZeros(free);
      if (used.compareAndSet(seen, seen | 1 << slot)) {
        return slot;
      }
    }
  }

  void releaseSlot(int slot) {
    // Its bit is set. No lambda, which takes memory: a slot must come back in a full heap, too.
    int _ = used.addAndGet(-(1 << slot));
  }

  /** {@return the address of a slot in its memory} */
  long slotAddress(int slot) {
    if (slot < 0 || slot >= AreaLayout.SLOTS) {
      throw new IllegalArgumentException("There is no slot " + slot);
    }
    return slots + slot * (long) Long.BYTES;
  }
}
