// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;

/**
 * Measures for how long this process did not run although it wanted to: it was stopped, collected
 * garbage, or the machine is busy. That time is nobody's fault here.
 *
 * <p>Two clocks are read, and of each step the longer time counts: how much later than it wanted a
 * thread of its own woke; and what the collector says that it took. In a full heap one collection
 * follows the other, and the thread may sleep through most of each.
 */
public final class StallMeter {
  private static final long STEP_MILLIS = 10;

  private final GarbageCollectorMXBean[] collectors =
      ManagementFactory.getGarbageCollectorMXBeans().toArray(GarbageCollectorMXBean[]::new);

  private long lastNanos = System.nanoTime();
  private long lastCollectedMillis = collectedMillis();
  private long stalledNanos;

  /** Begins, and does not end. */
  public StallMeter() {
    Thread.ofPlatform().daemon().name("stall-meter").start(this::run);
  }

  private void run() {
    while (true) {
      try {
        Thread.sleep(STEP_MILLIS);
        step();
      } catch (InterruptedException e) {
        return;
      } catch (OutOfMemoryError e) {
        // A full heap may not end it; what was missed is counted with the next step.
      }
    }
  }

  private synchronized void step() {
    stalledNanos += sinceLastStep();
    lastNanos = System.nanoTime();
    lastCollectedMillis = collectedMillis();
  }

  private long sinceLastStep() {
    long stepNanos = System.nanoTime() - lastNanos;
    long late = stepNanos - 2 * STEP_MILLIS * 1_000_000;
    long collecting = TimeUnit.MILLISECONDS.toNanos(collectedMillis() - lastCollectedMillis);
    return Math.max(0, Math.max(late, Math.min(collecting, stepNanos)));
  }

  /** It takes no memory: that may be what there is none of. */
  private long collectedMillis() {
    long sum = 0;
    for (GarbageCollectorMXBean collector : collectors) {
      sum += Math.max(0, collector.getCollectionTime());
    }
    return sum;
  }

  /**
   * {@return the sum so far} With the step that is under way: its thread may be the last to run.
   */
  public synchronized long nanos() {
    return stalledNanos + sinceLastStep();
  }
}
