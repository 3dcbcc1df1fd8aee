// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * What other threads want a worker to do, and the sleep of the worker while there is nothing.
 * Whoever adds a command, or stops the queue, after the worker has looked for the last time sees
 * that it is about to sleep, and wakes it. Only the worker takes commands and sleeps.
 */
final class CommandQueue {
  /** Where the worker sleeps. */
  interface Bed {
    /** Sleeps, unless there was a wake-up since the last sleep; may return early. */
    void sleep();

    /** Ends the sleep, or the next one. From any thread. */
    void wakeUp();
  }

  private final Queue<Runnable> commands = new ConcurrentLinkedQueue<>();
  private final Bed bed;
  private volatile boolean sleeping;
  private volatile boolean stopping;

  /** Nothing to do yet. */
  CommandQueue(Bed bed) {
    this.bed = bed;
  }

  void add(Runnable command) {
    commands.add(command);
    wakeIfSleeping();
  }

  /** From now on the worker does not sleep. Commands are still taken. */
  void stop() {
    stopping = true;
    wakeIfSleeping();
  }

  private void wakeIfSleeping() {
    if (sleeping) {
      bed.wakeUp();
    }
  }

  boolean isStopping() {
    return stopping;
  }

  boolean isEmpty() {
    return commands.isEmpty();
  }

  /** {@return the next command, which is taken out; null when there is none} */
  @Nullable Runnable poll() {
    return commands.poll();
  }

  /** Sleeps until there may be a command, or {@link Bed#sleep} returns. */
  void sleepWhileEmpty() {
    sleeping = true;
    try {
      if (commands.isEmpty() && !stopping) {
        bed.sleep();
      }
    } finally {
      sleeping = false;
    }
  }
}
