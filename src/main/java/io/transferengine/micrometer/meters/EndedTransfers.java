// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Transfers that have ended and are not counted yet: a ring of figures. Who puts one there takes no
 * lock and no memory, and waits for nobody. One thread at a time takes them out, those that are
 * complete, in whatever order; so one that is held up while it puts some there holds up no other.
 * Thread-safe.
 */
final class EndedTransfers {
  /** Each has a stamp beside these: its kind and blocks, its time, its bytes. */
  private static final int FIGURES = 3;

  /** So many are taken before others hear that there is room again: hearing takes them time. */
  private static final int STEP = 256;

  private final int size;
  private final long[] figures;

  /**
   * That of a place is one more than the number of the transfer that is there, once it is complete;
   * the same below zero after that was taken.
   */
  private final AtomicLongArray stamps;

  /** How many places were ever claimed, and how many of them were given back, in their order. */
  private final AtomicLong claimed = new AtomicLong();

  private final AtomicLong freed = new AtomicLong();

  /** Counts one. */
  interface Taker {
    void take(int kind, int blocks, long nanos, long bytes);
  }

  /**
   * Empty.
   *
   * @param size how many there may be, a power of two
   */
  EndedTransfers(int size) {
    this.size = size;
    this.figures = new long[size * FIGURES];
    this.stamps = new AtomicLongArray(size);
  }

  /** Keeps one, unless there is no room; {@return how many there are then, 0 without room} */
  int put(int kind, int blocks, long nanos, long bytes) {
    while (true) {
      long number = claimed.get();
      int there = (int) (number - freed.get());
      if (there >= size) {
        return 0;
      }
      if (claimed.compareAndSet(number, number + 1)) {
        int at = place(number);
        figures[at * FIGURES] = (long) kind << Integer.SIZE | blocks;
        figures[at * FIGURES + 1] = nanos;
        figures[at * FIGURES + 2] = bytes;
        stamps.setRelease(at, number + 1);
        return there + 1;
      }
    }
  }

  private int place(long number) {
    return (int) number & (size - 1);
  }

  boolean isEmpty() {
    return freed.get() == claimed.get();
  }

  /**
   * Takes all that were complete before this was called, and waits for who is taking some just now.
   *
   * @param to must not throw
   */
  synchronized void takeAll(Taker to) {
    long end = claimed.get();
    for (long number = freed.get(); number < end; number++) {
      int at = place(number);
      if (stamps.getAcquire(at) == number + 1) {
        // First: whoever counts may come back here.
        stamps.setPlain(at, -(number + 1));
        long kindAndBlocks = figures[at * FIGURES];
        to.take(
            (int) (kindAndBlocks >>> Integer.SIZE),
            (int) kindAndBlocks,
            figures[at * FIGURES + 1],
            figures[at * FIGURES + 2]);
      }
      if (number % STEP == STEP - 1) {
        free(end);
      }
    }
    free(end);
  }

  /** Gives places back, up to the first that was not taken. */
  private void free(long end) {
    long number = freed.get();
    while (number < end && stamps.getPlain(place(number)) == -(number + 1)) {
      number++;
    }
    freed.set(number);
  }
}
