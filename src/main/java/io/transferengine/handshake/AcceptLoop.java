// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.logging.WarnLimiter;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.function.Consumer;

/**
 * Accepts until its listener is closed. Errors of one accept, such as a process out of descriptors,
 * pass: it waits a little and goes on.
 */
final class AcceptLoop implements Runnable {
  /** First wait; a client that vanished before it was accepted costs no more than this. */
  private static final long BACK_OFF_MIN_MILLIS = 10;

  /** Descriptors come back when connections end; looking once a second is soon enough. */
  private static final long BACK_OFF_MAX_MILLIS = 1_000;

  private final Acceptor acceptor;
  private final Consumer<SocketChannel> admit;
  private final WarnLimiter warnings;

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
      } catch (IOException e) {
        warnings.warn("cannot accept handshakes for now, trying again: " + e.getMessage());
        try {
          Thread.sleep(backOffMillis);
        } catch (InterruptedException interrupt) {
          return;
        }
        backOffMillis = Math.min(BACK_OFF_MAX_MILLIS, backOffMillis * 2);
      }
    }
  }
}
