// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.logging.WarnLimiter;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Accepts until its listener is closed. What goes wrong with one accept, such as a process out of
 * descriptors or of memory, passes: it waits a little and goes on.
 *
 * <p>Its thread must not be interrupted: a connection that accept(2) has just taken would be lost
 * open, since the JDK then throws instead of returning it.
 */
final class AcceptLoop implements Runnable {
  /** First wait; a client that vanished before it was accepted costs no more than this. */
  private static final long BACK_OFF_MIN_MILLIS = 10;

  /** Descriptors come back when connections end; looking once a second is soon enough. */
  private static final long BACK_OFF_MAX_MILLIS = 1_000;

  private final Acceptor acceptor;
  private final Consumer<SocketChannel> admit;
  private final WarnLimiter warnings;
  private final CountDownLatch stopped = new CountDownLatch(1);

  AcceptLoop(Acceptor acceptor, Consumer<SocketChannel> admit, WarnLimiter warnings) {
    this.acceptor = acceptor;
    this.admit = admit;
    this.warnings = warnings;
  }

  /** The listener's accept. */
  interface Acceptor {
    SocketChannel accept() throws IOException;
  }

  @Override
  public void run() {
    long backOffMillis = BACK_OFF_MIN_MILLIS;
    while (true) {
      try {
        admit.accept(acceptor.accept());
        backOffMillis = BACK_OFF_MIN_MILLIS;
      } catch (ClosedChannelException e) {
        return;
      } catch (Throwable t) {
        warn(t);
        if (isStoppedWithin(backOffMillis)) {
          return;
        }
        backOffMillis = Math.min(BACK_OFF_MAX_MILLIS, backOffMillis * 2);
      }
    }
  }

  private void warn(Throwable thrown) {
    try {
      warnings.warn("cannot accept handshakes for now, trying again: " + thrown);
    } catch (Throwable unlogged) {
      // Not even memory for the text: the next client matters more.
    }
  }

  private boolean isStoppedWithin(long millis) {
    try {
      return stopped.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      return true;
    }
  }

  /** Ends a wait for better times; the listener was closed. */
  void stop() {
    stopped.countDown();
  }
}
