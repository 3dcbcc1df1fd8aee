// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;

/** Actions that a worker runs later. Confined to the worker. */
final class WorkerTimers {
  private static final int WAIT_MAX_MILLIS = 60_000;

  private final PriorityQueue<Timer> timers = new PriorityQueue<>();

  private int added;

  private record Timer(long dueNanos, Runnable action) implements Comparable<Timer> {
    @Override
    public int compareTo(Timer other) {
      return Long.compare(dueNanos - other.dueNanos, 0);
    }
  }

  void after(long nanos, Runnable action) {
    timers.add(new Timer(System.nanoTime() + nanos, action));
    added++;
  }

  /** {@return a number that changes with each action that is added} */
  int added() {
    return added;
  }

  /** Runs the actions that are due; {@code true} if there was one. */
  boolean run() {
    boolean any = false;
    for (Timer next = timers.peek();
        next != null && next.dueNanos - System.nanoTime() <= 0;
        next = timers.peek()) {
      timers.poll();
      next.action.run();
      any = true;
    }
    return any;
  }

  /** {@return the time until the next action is due; -1 if there is no action} */
  int waitMillis() {
    Timer next = timers.peek();
    if (next == null) {
      return -1;
    }
    long millis = TimeUnit.NANOSECONDS.toMillis(next.dueNanos - System.nanoTime());
    return Math.clamp(millis + 1, 0, WAIT_MAX_MILLIS);
  }
}
