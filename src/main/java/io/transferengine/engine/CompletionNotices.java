// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.logging.LogKeys;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.WaitingThreads;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.NotifyMessage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Sends the notifications of transfers that have completed. A peer that does not answer keeps each
 * of its own for as long as a question may take; so they have threads of their own, and a limit.
 * Thread-safe.
 */
final class CompletionNotices {
  /** Each has a thread and a connection. */
  private static final int AT_ONCE = 256;

  /** Those that are not delivered yet, each some hundred bytes. */
  static final int LIMIT = 65_536;

  private final EngineMetrics metrics;
  private final BiConsumer<String, NotifyMessage> send;
  private final Executor threads;
  private final AtomicInteger waiting = new AtomicInteger();

  /** Limited, since a peer that is gone fails the notifications of all its transfers. */
  private final WarnLimiter warnings =
      new WarnLimiter(LoggerFactory.getLogger(CompletionNotices.class));

  /**
   * None to be sent.
   *
   * @param send sends one to a segment, and waits until it is there
   */
  CompletionNotices(EngineMetrics metrics, BiConsumer<String, NotifyMessage> send) {
    this(metrics, send, WaitingThreads.limited("te-notify-", AT_ONCE));
  }

  CompletionNotices(
      EngineMetrics metrics, BiConsumer<String, NotifyMessage> send, Executor threads) {
    this.metrics = metrics;
    this.send = send;
    this.threads = threads;
  }

  /** Has one sent. Does not wait. */
  void send(String segment, NotifyMessage text) {
    if (waiting.incrementAndGet() > LIMIT) {
      waiting.decrementAndGet();
      failed(segment, text, LIMIT + " others are not delivered yet");
      return;
    }
    boolean begun = false;
    try {
      threads.execute(new Delivery(segment, text));
      begun = true;
    } finally {
      if (!begun) {
        waiting.decrementAndGet();
      }
    }
  }

  /**
   * A class, since it is made at the end of a transfer: a lambda's first linking may fail there.
   */
  private final class Delivery implements Runnable {
    private final String segment;
    private final NotifyMessage text;

    Delivery(String segment, NotifyMessage text) {
      this.segment = segment;
      this.text = text;
    }

    @Override
    public void run() {
      try {
        send.accept(segment, text);
      } catch (Throwable t) {
        failed(segment, text, t instanceof TransferException ? t.getMessage() : t);
      } finally {
        waiting.decrementAndGet();
      }
    }
  }

  private void failed(String segment, NotifyMessage text, @Nullable Object why) {
    metrics.increment(Counter.NOTIFICATIONS_FAILED);
    warnings.warn(
        "The notification '%s' for %s was not delivered: %s".formatted(text.name(), segment, why),
        LogKeys.peer(segment).cause(String.valueOf(why)));
  }
}
