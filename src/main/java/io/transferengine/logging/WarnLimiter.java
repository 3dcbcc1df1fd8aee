// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import org.slf4j.Logger;

/**
 * Logs at most one warning a second, with the number of warnings that were held back. Thread-safe.
 */
public final class WarnLimiter {
  /** Strangers can send garbage at any rate. The log grows by one line a second at most. */
  private static final long INTERVAL_NANOS = 1_000_000_000L;

  /** Room for an address, a cause and a remedy. */
  private static final int TEXT_LENGTH_MAX = 1_000;

  private final Logger log;
  private long nextNanos = System.nanoTime();
  private long heldBack;

  /**
   * Creates a limiter.
   *
   * @param log where the warnings go
   */
  public WarnLimiter(Logger log) {
    this.log = log;
  }

  /**
   * Warns, or counts the warning for the next one.
   *
   * @param text may quote strangers: it is cut to one line of bounded length
   */
  public void warn(String text) {
    String message = Printable.of(text, TEXT_LENGTH_MAX);
    long count;
    synchronized (this) {
      long now = System.nanoTime();
      if (now - nextNanos < 0) {
        heldBack++;
        return;
      }
      nextNanos = now + INTERVAL_NANOS;
      count = heldBack;
      heldBack = 0;
    }
    if (count == 0) {
      log.warn("{}", message);
    } else {
      log.warn("{} ({} more such warnings were held back)", message, count);
    }
  }
}
