// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.wire.HostDescriptor;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Our lease at one engine, under however many names we reach that, and which of its slots our
 * threads use now. Thread-safe.
 */
final class HeldLease {
  /** Slots of the copy threads; the others are for the threads that submit. */
  static final int OF_COPY_THREADS = AreaLayout.SLOTS / 2;

  private static final int COPY_THREADS_MASK = (1 << OF_COPY_THREADS) - 1;
  private static final int SUBMITTERS_MASK = ((1 << AreaLayout.SLOTS) - 1) & ~COPY_THREADS_MASK;

  /** No slot is given out any more. */
  private static final int ENDED = 1 << AreaLayout.SLOTS;

  private final HostDescriptor host;
  private final long slots;
  private final AtomicInteger used = new AtomicInteger();

  /**
   * One of which no slot is used.
   *
   * @param host who has given it
   * @param slots where our slots are in its memory
   */
  HeldLease(HostDescriptor host, long slots) {
    this.host = host;
    this.slots = slots;
  }

  HostDescriptor host() {
    return host;
  }

  /** {@return a slot that nobody else has now, to be released; -1 if there is none} */
  int acquireSlot(boolean copyThread) {
    int mask = copyThread ? COPY_THREADS_MASK : SUBMITTERS_MASK;
    while (true) {
      int seen = used.get();
      int free = ~seen & mask;
      if (free == 0 || (seen & ENDED) != 0) {
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

  /** {@return whether somebody uses one of its slots} */
  boolean isUsed() {
    return (used.get() & ~ENDED) != 0;
  }

  /** Gives no slot out any more; {@return whether none is used} May be called again. */
  boolean end() {
    int seen = used.get();
    while ((seen & ENDED) == 0 && !used.compareAndSet(seen, seen | ENDED)) {
      seen = used.get();
    }
    return (seen & ~ENDED) == 0;
  }

  /** {@return the address of the word for what we have open, in the engine's memory} */
  long importsAddress() {
    return AreaLayout.imports(host.area(), slots);
  }

  /** {@return the address of a slot in the engine's memory} */
  long slotAddress(int slot) {
    if (slot < 0 || slot >= AreaLayout.SLOTS) {
      throw new IllegalArgumentException("There is no slot " + slot);
    }
    return slots + slot * (long) Long.BYTES;
  }
}
