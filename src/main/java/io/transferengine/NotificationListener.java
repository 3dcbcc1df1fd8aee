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
 * Hands notifications to a listener of the application's, one after the other, until it is closed
 * or the engine is. Thread-safe.
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
        Anyway.error(
            log,
            "A listener for notifications threw; the next one is handed to it all the same",
            t);
      }
    }
  }

  /**
   * Ends it: nothing is handed over any more, save what is with the listener now. What arrives from
   * now on waits for {@link Engine#takeNotifies} and its like. The thread of the listener is
   * interrupted if it waits. Does not wait. Idempotent.
   */
  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
