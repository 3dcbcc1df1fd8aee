// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Measures for how long this process did not run although it wanted to: it was stopped, collected
 * garbage, or the machine is busy. That time is nobody's fault here.
 */
public final class StallMeter {
  private static final long STEP_MILLIS = 10;

  private final AtomicLong stalledNanos = new AtomicLong();

  /** Begins, and does not end. */
  public StallMeter() {
    Thread.ofPlatform().daemon().name("stall-meter").start(this::run);
  }

  private void run() {
    long last = System.nanoTime();
    while (true) {
      try {
        Thread.sleep(STEP_MILLIS);
      } catch (InterruptedException e) {
        return;
      } catch (OutOfMemoryError e) {
        continue; // A full heap may not end it; what was missed is counted with the next step.
      }
      long now = System.nanoTime();
      stalledNanos.addAndGet(Math.max(0, now - last - 2 * STEP_MILLIS * 1_000_000));
      last = now;
    }
  }

  /** {@return the sum so far} */
  public long nanos() {
    return stalledNanos.get();
  }
}
