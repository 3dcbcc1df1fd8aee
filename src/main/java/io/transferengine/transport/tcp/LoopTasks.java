// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.EventLoop;
import io.netty.util.concurrent.EventExecutor;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Tasks for event loops that may have ended: those have closed their connections. */
final class LoopTasks {
  private LoopTasks() {}

  /** {@return whether the loop takes it} */
  static boolean execute(@Nullable EventExecutor loop, Runnable action) {
    try {
      if (loop != null) {
        loop.execute(action);
        return true;
      }
      return false;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  /** {@return null when the loop takes it no more} */
  static @Nullable Future<?> schedule(EventLoop loop, Runnable action, long delay, TimeUnit unit) {
    try {
      return loop.schedule(action, delay, unit);
    } catch (RejectedExecutionException e) {
      return null;
    }
  }

  /**
   * Runs something once the loop has looked for input once more and handed it out; on the loop.
   * What a task schedules is taken up with the tasks of the next round, and a round begins with
   * input.
   */
  static void afterOneRound(EventLoop loop, Runnable action) {
    var _ = schedule(loop, action, 1, TimeUnit.NANOSECONDS);
  }
}
