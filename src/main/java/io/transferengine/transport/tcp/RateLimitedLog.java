// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;

/**
 * Warnings that a peer can provoke: at most one in a while, the others counted in the next one, so
 * that a peer cannot fill the disk. Thread-safe.
 */
final class RateLimitedLog {
  private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final Logger log;
  private final AtomicLong nextNanos = new AtomicLong(System.nanoTime());
  private final AtomicLong suppressed = new AtomicLong();

  RateLimitedLog(Logger log) {
    this.log = log;
  }

  void warn(String message) {
    long now = System.nanoTime();
    long due = nextNanos.get();
    if (now - due < 0 || !nextNanos.compareAndSet(due, now + INTERVAL_NANOS)) {
      suppressed.incrementAndGet();
      log.debug(message);
      return;
    }
    long others = suppressed.getAndSet(0);
    log.warn(others == 0 ? message : message + " (and " + others + " more like this before)");
  }
}
