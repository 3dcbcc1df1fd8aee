// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * What other threads want a worker to do, and the sleep of the worker while there is nothing.
 * Whoever adds a command, or stops the queue, after the worker has looked for the last time sees
 * that it is about to sleep, and wakes it. Only the worker takes commands and sleeps.
 *
 * <p>While it sleeps and has no commands, another thread may {@link #borrow} what is confined to
 * it. One word says who has that; nobody waits for a lock. A worker that wakes meanwhile leaves a
 * note and goes on sleeping, and who has borrowed then wakes it. Each step of the borrower may
 * throw, also a wake-up (no memory, no stack); so a worker that has left a note sleeps shortly.
 *
 * <pre>
 *   AWAKE --sleep--> ASLEEP --borrow--> LENT --(the worker woke up)--> WANTED
 *     ^----wake-up----' ^---give back----'                               |
 *     '---wake-up--- DUE &lt;---give back, and wake-------------------------'
 * </pre>
 */
final class CommandQueue {
  /** Where the worker sleeps. */
  interface Bed {
    /**
     * Sleeps, unless there was a wake-up since the last sleep; may return early.
     *
     * @param maxMillis the longest time; -1 for no limit
     */
    void sleep(int maxMillis);

    /** Ends the sleep, or the next one. From any thread. */
    void wakeUp();
  }

  private static final int AWAKE = 0;
  private static final int ASLEEP = 1;
  private static final int LENT = 2;

  /** Lent, and the worker has something to do. */
  private static final int WANTED = 3;

  /** The worker is to wake up; nobody may borrow before. */
  private static final int DUE = 4;

  /** The longest sleep of a worker that is wanted: what a wake-up costs that was lost. */
  private static final int WANTED_MILLIS = 10;

  /** How often who gives back tries to wake the worker: memory may be short for a moment only. */
  private static final int WAKE_UPS_MAX = 5;

  private final Queue<Runnable> commands = new ConcurrentLinkedQueue<>();
  private final AtomicInteger place = new AtomicInteger(AWAKE);
  private final Bed bed;
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
    if (place.get() != AWAKE) {
      bed.wakeUp();
    }
  }

  boolean isStopping() {
    return stopping;
  }

  boolean isEmpty() {
    return commands.isEmpty();
  }

  // ---- a thread that does the worker's work while that sleeps

  /**
   * {@return whether the caller has what is confined to the worker now} It must give it back, and
   * soon: the worker may wait for it.
   */
  boolean borrow() {
    if (place.get() != ASLEEP || !place.compareAndSet(ASLEEP, LENT)) {
      return false;
    }
    try {
      if (commands.isEmpty() && !stopping) {
        return true;
      }
    } catch (Throwable noStack) {
      place.set(DUE); // who woke the worker before finds it awake, or about to be
      throw noStack;
    }
    // Commands come first, in their order.
    giveBack(true);
    return false;
  }

  /**
   * Gives it back, whatever it throws.
   *
   * <p>A wake-up that fails again and again is given up. No command of others is lost by that: they
   * woke the worker themselves, and it looks again soon. What only the borrower knows of waits for
   * the next one who wakes the worker, as who ends an overdue transfer does.
   *
   * @param wake whether there is something to do for the worker
   */
  void giveBack(boolean wake) {
    boolean due = true;
    try {
      due = wake || !commands.isEmpty() || stopping;
    } finally {
      if (due || !place.compareAndSet(LENT, ASLEEP)) {
        place.set(DUE);
        wakeUpSurely();
      }
    }
  }

  @SuppressWarnings("ThreadPriorityCheck") // nothing depends on whether it does
  private void wakeUpSurely() {
    for (int i = 0; i < WAKE_UPS_MAX; i++) {
      try {
        bed.wakeUp();
        return;
      } catch (Throwable t) {
        Thread.yield();
      }
    }
  }

  // ---- the worker

  /** {@return the next command, which is taken out; null when there is none} */
  @Nullable Runnable poll() {
    return commands.poll();
  }

  /** Sleeps until there may be a command, or {@link Bed#sleep} returns. */
  void sleepWhileEmpty(int maxMillis) {
    place.set(ASLEEP);
    try {
      if (commands.isEmpty() && !stopping) {
        bed.sleep(maxMillis);
      }
    } finally {
      awaitReturn();
    }
  }

  @SuppressWarnings("ThreadPriorityCheck") // nothing depends on whether it does
  private void awaitReturn() {
    while (!hasReturned()) {
      try {
        bed.sleep(WANTED_MILLIS);
      } catch (Throwable t) {
        // Without what is lent the worker cannot even end. The next sleep tells.
        Thread.yield();
      }
    }
  }

  private boolean hasReturned() {
    while (true) {
      int now = place.get();
      if (now == LENT || now == WANTED) {
        if (now == WANTED || place.compareAndSet(LENT, WANTED)) {
          return false;
        }
      } else if (place.compareAndSet(now, AWAKE)) {
        return true;
      }
    }
  }
}
