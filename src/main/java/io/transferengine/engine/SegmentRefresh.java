// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks all known segments up again, a few at a time: thousands of questions at once would overload
 * the network and the metadata service. If a round has not ended when the next is due, it goes on
 * and the next is left out. For the timer's thread.
 */
final class SegmentRefresh implements Runnable {
  /** Lookups at a time. A peer that does not answer takes one of them for the whole timeout. */
  static final int AT_ONCE = 16;

  private static final Logger log = LoggerFactory.getLogger(SegmentRefresh.class);

  private final SegmentCache segments;
  private final Executor threads;
  private final Duration timeout;
  private final AtomicInteger working = new AtomicInteger();
  private volatile boolean closed;

  /**
   * @param threads gives each command a thread that may wait
   * @param timeout of one lookup
   */
  SegmentRefresh(SegmentCache segments, Executor threads, Duration timeout) {
    this.segments = segments;
    this.threads = threads;
    this.timeout = timeout;
  }

  @Override
  public void run() {
    if (working.get() > 0) {
      return;
    }
    Queue<String> names = new ConcurrentLinkedQueue<>(segments.names());
    int workers = Math.min(AT_ONCE, names.size());
    for (int i = 0; i < workers; i++) {
      working.incrementAndGet();
      boolean begun = false;
      try {
        threads.execute(
            new Runnable() {
              @Override
              public void run() {
                work(names);
              }
            });
        begun = true;
      } finally {
        if (!begun) {
          working.decrementAndGet();
        }
      }
    }
  }

  private void work(Queue<String> names) {
    try {
      String name = names.poll();
      while (name != null && !closed) {
        refresh(name);
        name = names.poll();
      }
    } finally {
      working.decrementAndGet();
    }
  }

  private void refresh(String name) {
    try {
      var _ = segments.refresh(name, timeout);
    } catch (TransferException e) {
      log.debug("Refreshing {} failed", name, e);
    }
  }

  /** Starts no further lookups. Idempotent. */
  void close() {
    closed = true;
  }
}
