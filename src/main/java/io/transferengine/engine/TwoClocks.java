// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

/**
 * Two clocks that are read at the same moment, as far as that can be had: side by side, and again
 * if this thread was held up between them. So what is measured by one can be compared with what is
 * measured by the other, on a busy machine, too. Takes no memory.
 */
interface TwoClocks {
  /** What is measured takes some milliseconds at least. */
  long NEAR_NANOS = 20_000;

  /** A thread that is held up each time is on a machine that measures nothing. */
  int TRIES_MAX = 20;

  /** {@return the time by the one, in nanoseconds} */
  long readFirst();

  /** Reads the other, and keeps what that says. What it kept before does not count then. */
  void readSecond();

  /**
   * Reads both; {@return what the first said when the second was read last}
   *
   * @param earlier a reading of the first that the caller had use for: if that has only just been,
   *     it is not read once more before the second
   */
  default long readBoth(long earlier) {
    long before = earlier;
    for (int i = 1; ; i++) {
      readSecond();
      long after = readFirst();
      if (after - before <= NEAR_NANOS || i == TRIES_MAX) {
        return after;
      }
      before = after;
    }
  }
}
