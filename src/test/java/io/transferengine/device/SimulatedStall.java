// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.util.concurrent.TimeUnit;

/**
 * Has a device be slow behind so many bytes. A copy that a device has begun ends at some time,
 * whatever is asked of it: so each takes a second then, until it is told to go on.
 */
final class SimulatedStall {
  private static final long SLOW_NANOS = TimeUnit.SECONDS.toNanos(1);

  private long left = Long.MAX_VALUE;
  private boolean stalled;

  synchronized void stallAfter(long bytes) {
    left = bytes;
    stalled = false;
  }

  synchronized boolean isStalled() {
    return stalled;
  }

  synchronized void resume() {
    left = Long.MAX_VALUE;
    notifyAll();
  }

  /** A copy begins. */
  synchronized void pass() throws InterruptedException {
    long end = System.nanoTime() + SLOW_NANOS;
    while (left <= 0 && end - System.nanoTime() > 0) {
      stalled = true;
      TimeUnit.NANOSECONDS.timedWait(this, Math.max(1, end - System.nanoTime()));
    }
  }

  synchronized void passed(long bytes) {
    left -= left == Long.MAX_VALUE ? 0 : bytes;
  }
}
