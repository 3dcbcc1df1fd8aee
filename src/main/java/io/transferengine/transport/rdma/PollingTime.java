// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

/**
 * For how long to poll for completions before sleeping: a moment that grows each time that this has
 * found some, and shrinks if not. None without another processor for the peer's work. For one
 * thread at a time.
 */
final class PollingTime {
  /**
   * The longest time: about as long as an interrupt and a wake-up take. An option makes it longer.
   */
  private static final long MAX_NANOS = 20_000;

  private static final long MIN_NANOS = 500;

  private final boolean isAllowed = Runtime.getRuntime().availableProcessors() > 1;
  private final long minNanos;
  private final long maxNanos;
  private long nanos;

  /**
   * @param leastNanos the least time that an option asks for
   */
  PollingTime(long leastNanos) {
    minNanos = Math.max(MIN_NANOS, leastNanos);
    maxNanos = Math.max(MAX_NANOS, leastNanos);
    nanos = minNanos;
  }

  boolean isAllowed() {
    return isAllowed;
  }

  long nanos() {
    return nanos;
  }

  void hasPaid(boolean found) {
    nanos = found ? Math.min(maxNanos, nanos * 2) : Math.max(minNanos, nanos / 2);
  }
}
