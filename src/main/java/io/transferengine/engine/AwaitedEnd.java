// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.logging.Anyway;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An end that threads wait for, that a future tells of, and that actions follow. Part of the
 * transfer itself, with its lock: most transfers end with nobody waiting yet, and then nothing is
 * made for it and no other lock is taken. Thread-safe.
 *
 * <p>To wait takes no memory of the heap, as in {@link io.transferengine.net.Event}.
 */
abstract class AwaitedEnd {
  private static final Logger log = LoggerFactory.getLogger(AwaitedEnd.class);

  /** Written with the lock held, and read without. */
  private volatile @Nullable TransferState end;

  // Below: guarded by this.
  private boolean isWaitedFor;
  private @Nullable CompletableFuture<Void> future;
  private @Nullable Runnable whenOver;
  private @Nullable Runnable onOutcome;
  private boolean outcomeIsSet;
  private boolean refused;

  /** What a thread does before it sleeps. */
  interface First {
    /**
     * Returns when the end has come, or else soon; throws nothing for an interrupt, and keeps it.
     */
    void at(AwaitedEnd awaited, long endNanos);
  }

  /** By its number: a transfer that is kept does not keep the thread. */
  private final long awaiter;

  /** Whether that one has looked for the end; of that thread. */
  private boolean hasLooked;

  /**
   * Has not come.
   *
   * @param awaiter who submits the transfer and does nothing but wait for its end; null if nobody
   */
  AwaitedEnd(@Nullable Thread awaiter) {
    this.awaiter = awaiter == null ? 0 : awaiter.threadId();
  }

  /** {@return whether this very thread does nothing but wait for it} */
  public final boolean isAwaitedHere() {
    return awaiter == Thread.currentThread().threadId();
  }

  /** The one who waits has looked for it: it sleeps next. */
  final void hasLooked() {
    hasLooked = true;
  }

  /** Completes a future, as the end was. */
  abstract void complete(CompletableFuture<Void> told);

  /** Has a future completed by {@link #complete}, on another thread. */
  abstract void completeLater(CompletableFuture<Void> told);

  /** {@return the state at the end; null before} */
  final @Nullable TransferState end() {
    return end;
  }

  /**
   * Waits for it, at most this long.
   *
   * @param first what is done before this sleeps
   */
  final void awaitEnd(Duration timeout, First first) throws InterruptedException {
    if (end != null) {
      return;
    }
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    long endNanos = System.nanoTime() + Math.max(0, TimeUnit.NANOSECONDS.convert(timeout));
    if (!isAwaitedHere() || !hasLooked) {
      first.at(this, endNanos);
    }
    if (end != null) {
      return;
    }
    long leftNanos = endNanos - System.nanoTime();
    synchronized (this) {
      isWaitedFor = true;
      while (end == null && leftNanos > 0) {
        TimeUnit.NANOSECONDS.timedWait(this, leftNanos);
        leftNanos = endNanos - System.nanoTime();
      }
    }
  }

  /** It has come: whoever waits goes on. */
  final void reveal(TransferState state) {
    CompletableFuture<Void> told;
    Runnable first;
    Runnable after;
    synchronized (this) {
      end = state;
      told = future;
      first = onOutcome;
      onOutcome = null;
      outcomeIsSet = true;
      after = whenOver;
      if (isWaitedFor) {
        notifyAll();
      }
    }
    if (first != null) {
      first.run();
    }
    try {
      if (after != null) {
        after.run();
      }
    } catch (Throwable t) {
      Anyway.error(log, "The end of a transfer was not accounted for", t);
    }
    if (told != null) {
      completeLater(told);
    }
  }

  /** Runs an action once it has come; at once if it has. The action must not block. */
  final void whenOver(Runnable action) {
    synchronized (this) {
      if (end == null) {
        Runnable before = whenOver;
        whenOver = before == null ? action : new Both(before, action);
        return;
      }
    }
    action.run();
  }

  /**
   * Runs an action once the outcome is set: at the end, or when it is told to come and what is
   * under way may still have to be waited for; at once if it is so. One action at most, which must
   * not block, and throws nothing.
   */
  final void onOutcome(Runnable action) {
    synchronized (this) {
      if (!outcomeIsSet) {
        onOutcome = action;
        return;
      }
    }
    action.run();
  }

  /** The transfer could not begin, nor wait for its event: it ends as it is submitted. */
  final synchronized void refuse() {
    refused = true;
  }

  final synchronized boolean isRefused() {
    return refused;
  }

  /** The outcome is set. May be called again. */
  final void outcomeIsSet() {
    Runnable now;
    synchronized (this) {
      outcomeIsSet = true;
      now = onOutcome;
      onOutcome = null;
    }
    if (now != null) {
      now.run();
    }
  }

  /** {@return a copy of the future that the end completes} */
  public final CompletableFuture<Void> toCompletableFuture() {
    CompletableFuture<Void> mine;
    boolean isOver;
    synchronized (this) {
      mine = future;
      if (mine != null) {
        return mine.copy();
      }
      mine = new CompletableFuture<>();
      future = mine;
      isOver = end != null;
    }
    if (isOver) {
      complete(mine);
    }
    return mine.copy();
  }
}
