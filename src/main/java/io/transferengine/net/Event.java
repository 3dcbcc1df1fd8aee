// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.util.concurrent.TimeUnit;

/**
 * Happens once, and threads wait for it. Thread-safe.
 *
 * <p>A CountDownLatch would do, but for this: if the heap is full when a thread begins to wait for
 * one, neither a time-out nor an interrupt ends the wait any more (JDK 25,
 * AbstractQueuedSynchronizer.acquireOnOOME). Waiting here takes no memory of the heap.
 */
public final class Event {
  private boolean happened;

  /** It has not happened. */
  public Event() {}

  /** It happens: whoever waits goes on. */
  public synchronized void happen() {
    happened = true;
    notifyAll();
  }

  /**
   * Waits until it has happened.
   *
   * @param nanos how long at most, rounded up to a millisecond; zero or negative only looks
   * @return whether it has
   */
  public synchronized boolean await(long nanos) throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    long endNanos = System.nanoTime() + nanos;
    long leftNanos = nanos;
    while (!happened && leftNanos > 0) {
      TimeUnit.NANOSECONDS.timedWait(this, leftNanos);
      leftNanos = endNanos - System.nanoTime();
    }
    return happened;
  }

  /** As {@link #await}; an interrupt does not end the wait, and is kept for afterwards. */
  public boolean awaitUninterruptibly(long nanos) {
    long endNanos = System.nanoTime() + nanos;
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return await(endNanos - System.nanoTime());
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
