// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import java.util.concurrent.TimeUnit;

/**
 * A little of the heap that is kept back for when it is full. To end a transfer takes some memory,
 * and the thread that waits for the end may be the one that holds all the rest. For one thread.
 */
final class HeapReserve {
  /** Enough for the texts and tasks with which some hundred transfers end. */
  private static final int PIECES = 4;

  /** Small enough for any collector to find a place for it. */
  private static final int PIECE_BYTES = 64 << 10;

  private static final byte[] NONE = {};

  /** Whoever is just filling the heap would take what is lent earlier. */
  private static final long FULL_NANOS = TimeUnit.SECONDS.toNanos(2);

  /** How long others may use what was lent. */
  private static final long LENT_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final byte[][] pieces = new byte[PIECES][PIECE_BYTES];
  private boolean full;
  private long fullNanos;
  private boolean lent;
  private long lentNanos;

  /** Nothing lent yet. */
  HeapReserve() {}

  /**
   * Memory has run out: lets go of the reserve if it has for a while.
   *
   * @return whether it has just been let go of, and what threw may be tried again
   */
  boolean lend() {
    long now = System.nanoTime();
    if (!full) {
      full = true;
      fullNanos = now;
    }
    if (lent || now - fullNanos < FULL_NANOS) {
      return false;
    }
    for (int i = 0; i < PIECES; i++) {
      pieces[i] = NONE;
    }
    lent = true;
    lentNanos = now;
    return true;
  }

  /** There is memory: keeps the reserve again if it was lent for a while. */
  void takeBack() {
    full = false;
    if (!lent || System.nanoTime() - lentNanos < LENT_NANOS) {
      return;
    }
    for (int i = 0; i < PIECES; i++) {
      pieces[i] = new byte[PIECE_BYTES];
    }
    lent = false;
  }
}
