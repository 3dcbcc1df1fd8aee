// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Ends blocking calls that have no time-out, such as a write. The process has one daemon thread for
 * it, which ends when there is nothing to watch. Thread-safe.
 */
public final class Watchdog {
  private static final ScheduledThreadPoolExecutor TIMER = timer();

  private Watchdog() {}

  private static ScheduledThreadPoolExecutor timer() {
    ScheduledThreadPoolExecutor timer =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("te-watchdog").factory());
    timer.setRemoveOnCancelPolicy(true);
    timer.setKeepAliveTime(5, TimeUnit.SECONDS);
    timer.allowCoreThreadTimeOut(true);
    return timer;
  }

  /** Closes {@code channel} after {@code limit}, unless the guard is closed first. */
  public static Guard closeAfter(Duration limit, SocketChannel channel) {
    return after(limit, () -> closeQuietly(channel));
  }

  /**
   * Runs {@code action} after {@code limit}, unless the guard is closed first. It must not block.
   */
  public static Guard after(Duration limit, Runnable action) {
    ScheduledFuture<?> task =
        TIMER.schedule(action, Math.max(1, limit.toNanos()), TimeUnit.NANOSECONDS);
    return () -> task.cancel(false);
  }

  /** Closes a channel, whatever comes of it. */
  public static void closeQuietly(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // The descriptor is closed all the same, and no caller needs to know.
    }
  }

  /** A time limit. Closing it cancels it. */
  public interface Guard extends AutoCloseable {
    @Override
    void close();
  }
}
