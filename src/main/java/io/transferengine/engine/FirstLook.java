// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.net.Looks;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * What a thread does first that waits for a small transfer: it looks for the end again and again
 * for a moment, before it sleeps. So an end that comes soon waits for no wake-up, which on a quiet
 * machine takes longer than all the rest of such a transfer. Of one engine; thread-safe.
 *
 * <p>Between two looks the thread offers its processor to others. It adapts:
 *
 * <ul>
 *   <li>An engine uses no more than half of the processors for this, and none if there is only one.
 *   <li>Where nothing came in time, the next waits are slept through, more each time.
 *   <li>If the processor was away for longer than looks have saved, others need it ({@link Looks}).
 *       So all waits are slept through for a time, and for twice as long where hardly any look has
 *       paid since the last time.
 *   <li>A virtual thread sleeps at once: it holds no processor that way.
 * </ul>
 */
final class FirstLook implements AwaitedEnd.First {
  /** Who waits sleeps at once. */
  static final FirstLook NONE = new FirstLook(0);

  /** What moves more than this takes long enough to sleep. */
  static final long BYTES_MAX = 1 << 20;

  /** Some round trips within a data centre, or four wake-ups. */
  private static final long NANOS = 200_000;

  /** Others have work for the processor. A thread of ours is done with it sooner. */
  private static final long AWAY_NANOS = 500_000;

  private static final long REST_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private static final long REST_NANOS_MAX = TimeUnit.SECONDS.toNanos(10);

  private static final Runnable NOTHING = new Nothing();

  private static final class Nothing implements Runnable {
    @Override
    public void run() {}
  }

  private final long nanos;
  private final int lookersMax;
  private final LongSupplier clock;

  // Below: guarded by this.
  private int lookers;

  private final Looks looks = new Looks();

  /** The last rest: how long, and until when. */
  private long restNanos = REST_NANOS / 2;

  private long restsUntilNanos;

  /**
   * For one engine.
   *
   * @param micros the longest time, in microseconds; 0 for none, -1 for what is usual
   */
  FirstLook(int micros) {
    this(micros, Runtime.getRuntime().availableProcessors(), System::nanoTime);
  }

  FirstLook(int micros, int processors, LongSupplier clock) {
    this.clock = clock;
    nanos = processors == 1 ? 0 : micros < 0 ? NANOS : TimeUnit.MICROSECONDS.toNanos(micros);
    lookersMax = processors / 2;
    restsUntilNanos = clock.getAsLong();
  }

  @Override
  public void at(AwaitedEnd awaited, long endNanos) {
    at(awaited, endNanos, NOTHING);
  }

  /**
   * Looks for an end, where that may pay, until it has come or the moment is over.
   *
   * @param step done before each look
   */
  void at(AwaitedEnd awaited, long endNanos, Runnable step) {
    if (step != NOTHING) {
      awaited.hasLooked();
    }
    Thread mine = Thread.currentThread();
    if (nanos == 0 || mine.isVirtual()) {
      return;
    }
    long beginNanos = clock.getAsLong();
    long most = Math.min(nanos, endNanos - beginNanos);
    if (most <= 0 || !begin(beginNanos)) {
      return;
    }
    long away = 0;
    boolean isOver = false;
    long now = beginNanos;
    try {
      while (awaited.end() == null && !isOver && away < AWAY_NANOS && !mine.isInterrupted()) {
        step.run();
        if (awaited.end() != null) {
          break;
        }
        long before = step == NOTHING ? now : clock.getAsLong();
        // Whoever moves the bytes, or finds out that they are there, may need this processor.
        yieldProcessor();
        long then = clock.getAsLong();
        away = then - before;
        isOver = then - beginNanos >= most;
        now = then;
      }
    } finally {
      end(awaited.end() != null, away, isOver && most == nanos, now);
    }
  }

  @SuppressWarnings("ThreadPriorityCheck") // nothing depends on whether it does
  private static void yieldProcessor() {
    Thread.yield();
  }

  private synchronized boolean begin(long now) {
    if (lookers == lookersMax || now - restsUntilNanos < 0) {
      return false;
    }
    if (!looks.areDue()) {
      return false;
    }
    lookers++;
    return true;
  }

  private synchronized void end(boolean came, long awayNanos, boolean inVain, long now) {
    lookers--;
    if (came) {
      looks.havePaid();
    }
    if (awayNanos >= AWAY_NANOS) {
      if (looks.areALoss(awayNanos)) {
        rest(now);
      }
    } else if (inVain && !came) {
      looks.wereInVain();
    }
  }

  /** All who looked meanwhile were away: one rest for all. */
  private void rest(long now) {
    if (now - restsUntilNanos >= 0) {
      restNanos = looks.haveSeldomPaid() ? Math.min(REST_NANOS_MAX, restNanos * 2) : REST_NANOS;
      restsUntilNanos = now + restNanos;
    }
  }
}
