// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.logging.Anyway;
import io.transferengine.net.WaitingThreads;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Closes something with many parts. Every step is done, whatever earlier ones threw, and all share
 * one time limit. What a step throws is logged, since the closing thread can do nothing about it.
 * For one thread.
 */
final class Teardown {
  private static final Logger log = LoggerFactory.getLogger(Teardown.class);

  private final long limitNanos;
  private long endNanos;
  // With room: it is filled at the end, when there may be no memory.
  private final List<Thread> beside = new ArrayList<>(16);

  /** A teardown that may take {@code limit} in all, from now on. */
  Teardown(Duration limit) {
    limitNanos = limit.toNanos();
    begin();
  }

  /** From now on. */
  void begin() {
    endNanos = System.nanoTime() + limitNanos;
  }

  /** {@return what is left of the time; zero when it is over} */
  Duration left() {
    return Duration.ofNanos(Math.max(0, endNanos - System.nanoTime()));
  }

  /** {@return the time that is left, at most {@code limit}} */
  Duration atMost(Duration limit) {
    Duration left = left();
    return left.compareTo(limit) < 0 ? left : limit;
  }

  /** Does one step. {@code what} names the part in the log. */
  static void step(String what, Runnable action) {
    try {
      action.run();
    } catch (Throwable t) {
      failed(what, t);
    }
  }

  /** Begins a step that may wait for other programs; {@link #join} waits for it. */
  void beside(String what, Runnable action) {
    try {
      beside.add(WaitingThreads.start("te-close", new Step(what, action)));
    } catch (Throwable noThread) {
      step(what, action);
    }
  }

  /** A class, since a lambda's first linking may fail for want of memory, each time then. */
  private record Step(String what, Runnable action) implements Runnable {
    @Override
    public void run() {
      step(what, action);
    }
  }

  /** Waits for the parallel steps while time is left. */
  void join() {
    for (Thread thread : beside) {
      try {
        if (!thread.join(left())) {
          log.warn("Closing used up its time, and goes on in the background");
          return;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** Logs what a part has thrown. */
  static void failed(String what, Throwable thrown) {
    Anyway.error(log, "Closing {} failed; the rest was closed", what, thrown);
  }
}
