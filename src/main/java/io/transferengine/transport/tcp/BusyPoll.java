// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoRegistration;
import io.netty.util.concurrent.ThreadAwareExecutor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The sockets of an event loop that are looked at again and again for a while after something has
 * happened, before the loop sleeps. So what comes soon waits for no wake-up, and meanwhile the
 * loop's thread uses a processor that nobody else wants. For one loop's thread.
 */
final class BusyPoll implements IoHandler, IoHandlerContext {
  private final IoHandler sockets;
  private final long nanos;
  private final LongSupplier clock;

  /** That of the turn that is under way. */
  private @Nullable IoHandlerContext loop;

  /** When something was last to be done. */
  private long activeNanos;

  private BusyPoll(IoHandler sockets, long nanos, LongSupplier clock) {
    this.sockets = sockets;
    this.nanos = nanos;
    this.clock = clock;
    this.activeNanos = clock.getAsLong();
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
      activeNanos = clock.getAsLong();
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
      activeNanos = now;
      return false;
    }
    if (now - activeNanos >= nanos) {
      return true;
    }
    // Who waits for this, the other side's loop or a caller, may need this very processor.
    Thread.yield();
    return false;
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
