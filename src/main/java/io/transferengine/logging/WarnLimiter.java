// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/**
 * Logs at most one warning, or error, a second, with the number of those that were held back.
 * Thread-safe.
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
    long count = turn();
    if (count == 0) {
      log.warn("{}", message);
    } else if (count > 0) {
      log.warn("{} ({} more such warnings were held back)", message, count);
    }
  }

  /**
   * As above.
   *
   * @param about what it is about, in pairs of key and value
   */
  public void warn(String text, LogKeys about) {
    String message = Printable.of(text, TEXT_LENGTH_MAX);
    long count = turn();
    if (count == 0) {
      about.on(log.atWarn()).log("{}", message);
    } else if (count > 0) {
      about
          .on(log.atWarn())
          .addKeyValue("held_back", count)
          .log("{} ({} more such warnings were held back)", message, count);
    }
  }

  /**
   * Logs as an ERROR, with its stack, what is a mistake of ours or comes of memory that ran out.
   * Throws nothing: there may be no memory for the text.
   *
   * @param text of ours
   */
  public void fault(String text, Throwable thrown) {
    fault("%s", text, thrown);
  }

  /**
   * As above.
   *
   * @param format has a place for what it is about
   * @param about not asked for its text if the error is held back; may quote strangers
   */
  public void fault(String format, @Nullable Object about, Throwable thrown) {
    try {
      long count = turn();
      if (count >= 0) {
        String message = Printable.of(format.formatted(about), TEXT_LENGTH_MAX);
        log.error("{} ({} more such errors were held back)", message, count, thrown);
      }
    } catch (Throwable unlogged) {
      // What follows matters more.
    }
  }

  /** {@return how many were held back since the last one; -1 if this one is, too} */
  private synchronized long turn() {
    long now = System.nanoTime();
    if (now - nextNanos < 0) {
      heldBack++;
      return -1;
    }
    nextNanos = now + INTERVAL_NANOS;
    long count = heldBack;
    heldBack = 0;
    return count;
  }
}
