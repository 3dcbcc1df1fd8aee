// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoRegistration;
import io.netty.util.concurrent.ThreadAwareExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The sockets of an event loop that are looked at again and again for a while after something has
 * happened, before the loop sleeps. So what comes soon waits for no wake-up, and meanwhile the
 * loop's thread uses a processor that nobody else wants. For one loop's thread.
 *
 * <p>It adapts. Where nothing came in time, the next pauses are slept through, more each time.
 * Between two looks the thread offers its processor to others. If that was away for long, others
 * need it: one that sleeps is woken sooner than one that has given up its processor to a busy
 * program gets it back. So all pauses are slept through for a time, some hundred times as long.
 */
final class BusyPoll implements IoHandler, IoHandlerContext {
  private final IoHandler sockets;
  private final long nanos;
  private final LongSupplier clock;

  /** That of the turn that is under way. */
  private @Nullable IoHandlerContext loop;

  /** Others have work for the processor. A partner of ours is done with it sooner. */
  private static final long AWAY_NANOS = 100_000;

  /** So that being away, if for no more than 33 ms, takes a third of a percent of the time. */
  private static final int PARTS = 300;

  /** Whoever was stopped for minutes does not sleep for hours. */
  private static final long RESTS_NANOS_MAX = TimeUnit.SECONDS.toNanos(10);

  private static final int SLEPT_MAX = 1023;

  /** When something was last to be done. */
  private long activeNanos;

  /** Whether it has looked in the present pause. */
  private boolean looking;

  /** Whether the rest of the present pause is for sleeping. */
  private boolean sleeping;

  /** So many pauses are slept through. */
  private int toSleep;

  /** So many were, the last time. */
  private int slept;

  /** Until then pauses are slept through as well. */
  private long restsUntilNanos;

  private BusyPoll(IoHandler sockets, long nanos, LongSupplier clock) {
    this.sockets = sockets;
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
    loop = context;
    int handled = sockets.run(this);
    if (handled > 0) {
      active(clock.getAsLong());
    }
    return handled;
  }

  @Override
  public void initialize() {
    sockets.initialize();
  }

  @Override
  public void prepareToDestroy() {
    sockets.prepareToDestroy();
  }

  @Override
  public void destroy() {
    sockets.destroy();
  }

  @Override
  public IoRegistration register(IoHandle handle) throws Exception {
    return sockets.register(handle);
  }

  @Override
  public void wakeup() {
    sockets.wakeup();
  }

  @Override
  public boolean isCompatible(Class<? extends IoHandle> handleType) {
    return sockets.isCompatible(handleType);
  }

  // ---- the context that the sockets see

  @Override
  @SuppressWarnings("ThreadPriorityCheck") // nothing depends on whether it does
  public boolean canBlock() {
    long now = clock.getAsLong();
    if (!loop().canBlock()) {
      active(now);
      return false;
    }
    if (!sleeping && !looking) {
      sleeping = toSleep > 0 || now - restsUntilNanos < 0;
      toSleep = Math.max(0, toSleep - 1);
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
      restsUntilNanos = then + Math.min(RESTS_NANOS_MAX, away * PARTS);
    } else {
      slept = Math.min(SLEPT_MAX, slept * 2 + 1);
      toSleep = slept;
    }
    sleeping = true;
    return true;
  }

  /** There is something to do: a pause is over. */
  private void active(long now) {
    if (looking && !sleeping) {
      slept /= 2;
    }
    looking = false;
    sleeping = false;
    activeNanos = now;
  }

  @Override
  public long delayNanos(long currentTimeNanos) {
    return loop().delayNanos(currentTimeNanos);
  }

  @Override
  public long deadlineNanos() {
    return loop().deadlineNanos();
  }

  @Override
  public void reportActiveIoTime(long activeTimeNanos) {
    loop().reportActiveIoTime(activeTimeNanos);
  }

  @Override
  public boolean shouldReportActiveIoTime() {
    return loop().shouldReportActiveIoTime();
  }

  private IoHandlerContext loop() {
    IoHandlerContext there = loop;
    if (there == null) {
      throw new IllegalStateException("Outside of a turn");
    }
    return there;
  }
}
