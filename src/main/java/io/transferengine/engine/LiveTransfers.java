// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The transfers under way, in a few parts. Each thread enters its transfers into one part, so that
 * threads that submit at the same time rarely meet. A transfer knows its place, so nothing is made
 * for it but a longer array now and then, and one that has ended is not kept. Thread-safe.
 *
 * <p>Who iterates holds no lock meanwhile, and sees each transfer that is here all the time, at
 * least once; of one that comes or goes meanwhile that is open.
 */
final class LiveTransfers implements Iterable<TransferHandle> {
  /** A power of two, so that the lowest bits of a place say in which part it is. */
  private static final int PARTS = 16;

  private static final int FIRST_SLOTS = 16;

  private final int limit;
  private final AtomicInteger count = new AtomicInteger();
  private final Part[] parts = new Part[PARTS];

  /** Guarded by itself, as are the places of the transfers in it. */
  private static final class Part {
    private @Nullable TransferHandle[] slots = new @Nullable TransferHandle[FIRST_SLOTS];
    private int size;
  }

  /**
   * None so far.
   *
   * @param limit the most at a time
   */
  LiveTransfers(int limit) {
    this.limit = limit;
    for (int i = 0; i < PARTS; i++) {
      parts[i] = new Part();
    }
  }

  /** Enters a transfer; {@return false if there are too many} */
  boolean add(TransferHandle handle) {
    boolean entered = false;
    try {
      entered = count.incrementAndGet() <= limit && put(handle);
    } finally {
      if (!entered) {
        count.decrementAndGet();
      }
    }
    return entered;
  }

  private boolean put(TransferHandle handle) {
    int number = (int) Thread.currentThread().threadId() & (PARTS - 1);
    Part part = parts[number];
    synchronized (part) {
      if (part.size == part.slots.length) {
        part.slots = Arrays.copyOf(part.slots, 2 * part.size);
      }
      part.slots[part.size] = handle;
      handle.place = part.size * PARTS + number;
      part.size++;
    }
    return true;
  }

  /** Takes a transfer out; {@return false if it is not here, or no more} */
  boolean remove(TransferHandle handle) {
    // Without the lock of its part, which is what this asks for: it never changes to another.
    int seen = handle.place;
    if (seen == TransferHandle.NOWHERE) {
      return false;
    }
    Part part = parts[seen & (PARTS - 1)];
    synchronized (part) {
      int place = handle.place;
      if (place == TransferHandle.NOWHERE) {
        return false;
      }
      // The last one takes its slot, so that one moves down only: that is what iterators rely on.
      part.size--;
      TransferHandle last = Objects.requireNonNull(part.slots[part.size]);
      part.slots[place / PARTS] = last;
      last.place = place;
      part.slots[part.size] = null;
      handle.place = TransferHandle.NOWHERE;
    }
    count.decrementAndGet();
    return true;
  }

  boolean isEmpty() {
    return count.get() == 0;
  }

  @Override
  public Iterator<TransferHandle> iterator() {
    return new Downwards();
  }

  /** Each part from its end: what takes a slot below was behind, and has been seen already. */
  private final class Downwards implements Iterator<TransferHandle> {
    private int number = -1;

    /** Those from here on have been seen. */
    private int slot;

    private @Nullable TransferHandle next;

    Downwards() {
      step();
    }

    private void step() {
      next = null;
      while (next == null && (slot > 0 || number + 1 < PARTS)) {
        if (slot == 0) {
          number++;
          slot = Integer.MAX_VALUE;
        }
        Part part = parts[number];
        synchronized (part) {
          slot = Math.min(slot, part.size);
          if (slot > 0) {
            slot--;
            next = part.slots[slot];
          }
        }
      }
    }

    @Override
    public boolean hasNext() {
      return next != null;
    }

    @Override
    public TransferHandle next() {
      TransferHandle found = next;
      if (found == null) {
        throw new NoSuchElementException();
      }
      step();
      return found;
    }
  }
}
