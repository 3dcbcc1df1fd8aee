// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.util.concurrent.ThreadAwareExecutor;
import io.transferengine.net.Looks;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The sockets of an event loop that are looked at again and again for a while after something has
 * happened, before the loop sleeps. So what comes soon waits for no wake-up, and meanwhile the
 * loop's thread uses a processor that nobody else wants. For one loop's thread.
 *
 * <p>It adapts, as {@link Looks} says. Where nothing came in time, the next pauses are slept
 * through, more each time. Between two looks the thread offers its processor to others. If that was
 * away for longer than looks have saved, others need it: all pauses are slept through for a time,
 * some hundred times as long.
 */
final class BusyPoll extends HandlerAround {
  private final long nanos;
  private final LongSupplier clock;

  /** Others have work for the processor. A partner of ours is done with it sooner. */
  private static final long AWAY_NANOS = 100_000;

  /** So that being away, if for no more than 33 ms, takes a third of a percent of the time. */
  private static final int PARTS = 300;

  /** Whoever was stopped for minutes does not sleep for hours. */
  private static final long RESTS_NANOS_MAX = TimeUnit.SECONDS.toNanos(10);

  /** When something was last to be done. */
  private long activeNanos;

  /** Whether it has looked in the present pause. */
  private boolean looking;

  /** Whether the rest of the present pause is for sleeping. */
  private boolean sleeping;

  private final Looks looks = new Looks();

  /** Until then pauses are slept through as well. */
  private long restsUntilNanos;

  private BusyPoll(IoHandler sockets, long nanos, LongSupplier clock) {
    super(sockets);
    this.nanos = nanos;
    this.clock = clock;
    this.activeNanos = clock.getAsLong();
    this.restsUntilNanos = activeNanos;
  }

  /**
   * {@return handlers that look for so long before they sleep}
   *
   * @param nanos 0 for the same ones
   */
  static IoHandlerFactory around(IoHandlerFactory handlers, long nanos) {
    return around(handlers, nanos, System::nanoTime);
  }

  static IoHandlerFactory around(IoHandlerFactory handlers, long nanos, LongSupplier clock) {
    if (nanos == 0) {
      return handlers;
    }
    return new IoHandlerFactory() {
      @Override
      public IoHandler newHandler(ThreadAwareExecutor executor) {
        return new BusyPoll(handlers.newHandler(executor), nanos, clock);
      }

      @Override
      public boolean isChangingThreadSupported() {
        return handlers.isChangingThreadSupported();
      }
    };
  }

  // ---- the handler that the loop has

  @Override
  public int run(IoHandlerContext context) {
    int handled = super.run(context);
    if (handled > 0) {
      active(clock.getAsLong());
    }
    return handled;
  }

  // ---- the context that the sockets see

  @Override
  @SuppressWarnings("ThreadPriorityCheck") // nothing depends on whether it does
  public boolean canBlock() {
    long now = clock.getAsLong();
    if (!super.canBlock()) {
      active(now);
      return false;
    }
    if (!sleeping && !looking) {
      sleeping = !looks.areDue() || now - restsUntilNanos < 0;
    }
    if (sleeping) {
      return true;
    }
    if (now - activeNanos < nanos) {
      looking = true;
      // Who waits for this, the other side's loop or a caller, may need this very processor.
      Thread.yield();
      long then = clock.getAsLong();
      long away = then - now;
      if (away < AWAY_NANOS) {
        return false;
      }
      if (!looks.areALoss(away)) {
        activeNanos += away; // Nothing was looked for meanwhile.
        return false;
      }
      restsUntilNanos = then + Math.min(RESTS_NANOS_MAX, away * PARTS);
    } else {
      looks.wereInVain();
    }
    sleeping = true;
    return true;
  }

  /** There is something to do: a pause is over. */
  private void active(long now) {
    if (looking && !sleeping) {
      looks.havePaid();
    }
    looking = false;
    sleeping = false;
    activeNanos = now;
  }
}
