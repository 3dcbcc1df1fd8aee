// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

/**
 * How long and by how many threads a row is repeated.
 *
 * @param seconds how long a row takes, when {@code count} is 0
 * @param count transfers of each thread in a row, or 0
 */
record BenchPace(double seconds, long count, int threads) {
  /** Warming up takes this part of a row, within the limit below. */
  private static final double WARM_UP_SHARE = 0.2;

  private static final double WARM_UP_SECONDS_MAX = 0.5;
  private static final double NANOS_PER_SECOND = 1e9;

  long warmUpNanos() {
    return nanos(Math.min(WARM_UP_SECONDS_MAX, seconds * WARM_UP_SHARE));
  }

  long rowNanos() {
    return nanos(seconds);
  }

  /** {@return transfers of each thread to warm up with, 0 when a row is timed} */
  long warmUpCount() {
    return count == 0 ? 0 : Math.max(1, (long) (count * WARM_UP_SHARE));
  }

  private static long nanos(double seconds) {
    return (long) (seconds * NANOS_PER_SECOND);
  }
}
