// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoRegistration;
import org.jspecify.annotations.Nullable;

/**
 * The sockets of an event loop, with another word on whether, and how long, a turn of the loop may
 * sleep on them. All else is as it is without this. For whoever makes the loop's turns.
 */
abstract class HandlerAround implements IoHandler, IoHandlerContext {
  private final IoHandler sockets;

  /** That of the turn that is under way. */
  private @Nullable IoHandlerContext loop;

  HandlerAround(IoHandler sockets) {
    this.sockets = sockets;
  }

  // ---- the handler that the loop has

  @Override
  public int run(IoHandlerContext context) {
    loop = context;
    return sockets.run(this);
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
  public boolean canBlock() {
    return loop().canBlock();
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
