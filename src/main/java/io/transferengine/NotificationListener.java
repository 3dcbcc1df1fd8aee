// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.engine.EngineCore;
import io.transferengine.engine.Notifications;
import io.transferengine.logging.Anyway;
import java.time.Duration;
import java.util.Optional;
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

  private final Thread thread;
  private volatile boolean closed;

  NotificationListener(EngineCore core, Consumer<? super Notification> listener) {
    thread = Thread.ofVirtual().name("te-notifications").unstarted(() -> listen(core, listener));
    thread.start();
  }

  private void listen(EngineCore core, Consumer<? super Notification> listener) {
    while (!closed && !core.isClosed()) {
      try {
        Optional<Notifications.Kept> next = core.notifications().take(FOR_EVER);
        next.map(Notification::new).ifPresent(listener);
      } catch (InterruptedException e) {
        // Closed, or an interrupt that the listener left behind: the loop looks which.
      } catch (Throwable t) {
        Anyway.error(log, "A listener for notifications threw; it still gets the next one", t);
      }
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
