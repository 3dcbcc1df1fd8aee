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
 * transfers might never end. If memory runs out, the task gets some that was kept back.
 * Thread-safe.
 */
final class EngineTimer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EngineTimer.class);

  private final HeapReserve reserve = new HeapReserve();
  private final ScheduledExecutorService executor =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("te-timer").factory());

  EngineTimer() {}

  /** Runs a task after each {@code period}. {@code what} names it in the log. */
  void every(Duration period, String what, Runnable task) {
    long nanos = period.toNanos();
    var _ =
        executor.scheduleWithFixedDelay(() -> run(what, task), nanos, nanos, TimeUnit.NANOSECONDS);
  }

  private void run(String what, Runnable task) {
    try {
      runOrLog(what, task);
    } catch (Throwable unlogged) {
      // In a full heap, what was never needed before cannot even be loaded. The next time matters.
    }
  }

  private void runOrLog(String what, Runnable task) {
    try {
      try {
        task.run();
      } catch (OutOfMemoryError e) {
        if (!reserve.lend()) {
          throw e;
        }
        task.run();
      }
      reserve.takeBack();
    } catch (Throwable t) {
      Anyway.failed(log, what, t);
    }
  }

  /** Ends the thread. Idempotent. */
  @Override
  public void close() {
    executor.shutdownNow();
  }
}
