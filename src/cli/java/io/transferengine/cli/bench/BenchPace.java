// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

/**
 * How long a row is repeated, and by how many threads.
 *
 * @param seconds the time for a row, if {@code count} is 0
 * @param count transfers of each thread in a row, or 0
 * @param rate transfers that a thread begins in a second; 0 for the next when the last has ended
 * @param latency whether each transfer's time counts, so that all code is to be compiled before
 */
record BenchPace(double seconds, long count, int threads, double rate, boolean latency) {
  /** The part of a row for warming up, within the limit below. */
  private static final double WARM_UP_SHARE = 0.2;

  private static final double WARM_UP_SECONDS_MAX = 0.5;
  private static final double LATENCY_WARM_UP_SECONDS = 1;
  private static final double NANOS_PER_SECOND = 1e9;

  /** {@return whether transfers are due at times of their own} */
  boolean isTimed() {
    return rate > 0;
  }

  /** {@return when a thread's transfer is due, from its first one on} */
  long dueNanos(long transfer) {
    return (long) (transfer / rate * NANOS_PER_SECOND);
  }

  long warmUpNanos() {
    return latency
        ? nanos(LATENCY_WARM_UP_SECONDS)
        : nanos(Math.min(WARM_UP_SECONDS_MAX, seconds * WARM_UP_SHARE));
  }

  long rowNanos() {
    return nanos(seconds);
  }

  /** {@return transfers of each thread for warming up; 0 if a row is timed} */
  long warmUpCount() {
    return count == 0 ? 0 : Math.max(1, (long) (count * WARM_UP_SHARE));
  }

  private static long nanos(double seconds) {
    return (long) (seconds * NANOS_PER_SECOND);
  }
}
