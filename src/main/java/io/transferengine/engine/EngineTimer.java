// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.logging.Anyway;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one daemon thread for an engine's periodic tasks. A task that throws is logged, and runs
 * again at its next time. A JDK executor would silently drop it; without the check of deadlines,
 * transfers might never end. Thread-safe.
 */
final class EngineTimer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EngineTimer.class);

  private final ScheduledExecutorService executor =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("te-timer").factory());

  EngineTimer() {}

  /** Runs a task after each {@code period}. {@code what} names it in the log. */
  void every(Duration period, String what, Runnable task) {
    long nanos = period.toNanos();
    var _ =
        executor.scheduleWithFixedDelay(
            () -> Anyway.run(log, what, task), nanos, nanos, TimeUnit.NANOSECONDS);
  }

  /** Ends the thread. Idempotent. */
  @Override
  public void close() {
    executor.shutdownNow();
  }
}
