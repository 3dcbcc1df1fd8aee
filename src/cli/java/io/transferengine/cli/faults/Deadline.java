// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

/** Knows whether something that has a limit has ended in time. It begins when it is made. */
public final class Deadline {
  /** Behind a deadline, until something has ended. */
  public static final long END_MILLIS = 1000;

  /**
   * A deadline is noticed by one thread, acted on by a second and waited for by a third, each of
   * which may be kept waiting as the meter's own is.
   */
  private static final int THREADS_IN_TURN = 3;

  private final StallMeter stalls;
  private final long limitMillis;
  private final long endMillis;
  private final long startNanos = System.nanoTime();
  private final long stalledBefore;

  /**
   * @param endMillis behind the limit, until it must have ended
   */
  public Deadline(StallMeter stalls, long limitMillis, long endMillis) {
    this.stalls = stalls;
    this.limitMillis = limitMillis;
    this.endMillis = endMillis;
    stalledBefore = stalls.nanos();
  }

  /** {@return whether it ends later than it should, but for what this process did not run} */
  public boolean isLate() {
    return isLate(1, END_MILLIS);
  }

  /** {@return whether it ends so late that the machine is no excuse} */
  public boolean isHung() {
    return isLate(THREADS_IN_TURN, endMillis);
  }

  private boolean isLate(int threads, long behindMillis) {
    long excusedNanos = threads * stalledNanos();
    return (System.nanoTime() - startNanos - excusedNanos) / 1_000_000 > limitMillis + behindMillis;
  }

  private long stalledNanos() {
    return stalls.nanos() - stalledBefore;
  }

  /** {@return until the limit, 1 at least} */
  public long leftMillis() {
    return Math.max(1, limitMillis - (System.nanoTime() - startNanos) / 1_000_000);
  }

  @Override
  public String toString() {
    return "%d ms, with a limit of %d ms; the machine gave no time for %d ms"
        .formatted(
            (System.nanoTime() - startNanos) / 1_000_000, limitMillis, stalledNanos() / 1_000_000);
  }
}
