// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.engine.EngineCore;
import io.transferengine.logging.Anyway;
import io.transferengine.net.WaitingThreads;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands notifications to the application's listener, one after another, until this or the engine is
 * closed. Thread-safe.
 */
public final class NotificationListener implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NotificationListener.class);
  private static final Duration FOR_EVER = Duration.ofDays(36_500);
  private static final String WHAT = "Handing a notification to its listener";

  /** After something was thrown: it may be thrown again at once, until there is memory, say. */
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  private final Thread thread;
  private volatile boolean closed;

  NotificationListener(EngineCore core, Consumer<? super Notification> listener) {
    Runnable next = () -> handNext(core, listener);
    thread = WaitingThreads.factory("te-notifications").newThread(() -> listen(core, next));
    thread.start();
  }

  private void listen(EngineCore core, Runnable next) {
    while (!closed && !core.isClosed()) {
      if (!Anyway.run(log, WHAT, next)) {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }

  private static void handNext(EngineCore core, Consumer<? super Notification> listener) {
    try {
      core.notifications().take(FOR_EVER).map(Notification::new).ifPresent(listener);
    } catch (InterruptedException e) {
      // Closed, or an interrupt that the listener left behind: the loop looks which.
    }
  }

  /**
   * Ends the listening. Messages that arrive from now on wait for {@link Engine#takeNotifies} or
   * another listener. A call of the listener that is under way goes on; its thread is interrupted.
   * Does not wait. Idempotent.
   */
  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
