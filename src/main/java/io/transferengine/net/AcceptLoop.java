// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import io.transferengine.logging.WarnLimiter;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Accepts connections until the listener is closed. If one accept fails, for example because the
 * process has no descriptor or memory left, the loop waits a little and tries again.
 *
 * <p>Its thread must not be interrupted: if accept(2) has just taken a connection, the JDK would
 * throw instead of returning it, and the connection would stay open unseen.
 */
public final class AcceptLoop implements Runnable {
  /** The first wait. A client that vanished before it was accepted costs no more than this. */
  private static final long BACK_OFF_MIN_MILLIS = 10;

  /** Descriptors become free when connections end. One try a second finds that soon enough. */
  private static final long BACK_OFF_MAX_MILLIS = 1_000;

  private final String what;
  private final Acceptor acceptor;
  private final Consumer<SocketChannel> admit;
  private final WarnLimiter warnings;
  private final Event stopped = new Event();

  /**
   * Creates a loop, to be run by a thread of its own.
   *
   * @param what is accepted, in words for the log
   * @param admit takes each connection over; if it throws, the connection is closed
   */
  public AcceptLoop(
      String what, Acceptor acceptor, Consumer<SocketChannel> admit, WarnLimiter warnings) {
    this.what = what;
    this.acceptor = acceptor;
    this.admit = admit;
    this.warnings = warnings;
  }

  /** The listener's accept. */
  public interface Acceptor {
    /** {@return the next connection} */
    SocketChannel accept() throws IOException;
  }

  @Override
  public void run() {
    long backOffMillis = BACK_OFF_MIN_MILLIS;
    while (true) {
      try {
        admit(acceptor.accept());
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

  private void admit(SocketChannel channel) {
    try {
      admit.accept(channel);
    } catch (Throwable t) {
      // It may have got nowhere, not even to where it would give the connection back.
      Watchdog.closeQuietly(channel);
      throw t;
    }
  }

  private void warn(Throwable thrown) {
    try {
      warnings.warn("cannot accept " + what + " for now, trying again: " + thrown);
    } catch (Throwable unlogged) {
      // There may be no memory for the text. The next client matters more.
    }
  }

  private boolean isStoppedWithin(long millis) {
    try {
      return stopped.await(TimeUnit.MILLISECONDS.toNanos(millis));
    } catch (InterruptedException e) {
      return true;
    }
  }

  /** Ends the wait after a failed accept; the listener was closed. */
  public void stop() {
    stopped.happen();
  }
}
