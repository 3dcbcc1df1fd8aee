// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import io.transferengine.logging.Anyway;
import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs so many tasks at once; the others wait, in their order. If a task cannot be begun or queued,
 * whoever hands it over is told, and no other is lost. Thread-safe.
 */
final class LimitedExecutor implements Executor {
  private static final Logger log = LoggerFactory.getLogger(LimitedExecutor.class);

  /** Not where it is used: a text takes memory when that is run for the first time. */
  private static final String WHAT = "A task";

  private final Executor threads;
  private final int limit;
  private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
  private int running;

  /**
   * @param threads gives each command a thread at once
   * @param limit two at least: one that could not be begun leaves what waits to the others
   */
  LimitedExecutor(Executor threads, int limit) {
    if (limit < 2) {
      throw new IllegalArgumentException("a limit of " + limit);
    }
    this.threads = threads;
    this.limit = limit;
  }

  @Override
  public void execute(Runnable task) {
    synchronized (this) {
      if (running == limit) {
        waiting.addLast(task);
        return;
      }
      running++;
    }
    boolean begun = false;
    try {
      threads.execute(
          new Runnable() {
            @Override
            public void run() {
              work(task);
            }
          });
      begun = true;
    } finally {
      if (!begun) {
        synchronized (this) {
          running--;
        }
      }
    }
  }

  private void work(Runnable first) {
    for (@Nullable Runnable task = first; task != null; task = next()) {
      // The thread goes on whatever a task throws: others may wait for it.
      boolean _ = Anyway.run(log, WHAT, task);
      boolean _ = Thread.interrupted(); // Meant for that task, if at all.
    }
  }

  private synchronized @Nullable Runnable next() {
    Runnable task = waiting.pollFirst();
    if (task == null) {
      running--;
    }
    return task;
  }
}
