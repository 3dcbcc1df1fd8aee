// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.LimitOptions;
import io.transferengine.config.Settings;
import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.ByteBudget;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.Queues;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.NotifyMessage;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Notifications from peers that nobody has fetched yet. Any program that reaches the port can send
 * one, so they are limited: in number, in bytes, and in bytes per address. Beyond that senders are
 * told that they failed; nothing is lost silently. Thread-safe.
 */
public final class Notifications {
  private static final int KEPT_LIMIT = 65_536;

  /** The memory of a trace context, when there is one. */
  private static final int TRACE_BYTES = 192;

  /** The memory of a record, two strings with their arrays, and a place in the queue. */
  private static final int OVERHEAD_BYTES = 128;

  /**
   * The longest form of a character in JSON: a message that is too long even so is refused without
   * decoding.
   */
  private static final int ENCODED_CHARACTER_MAX_BYTES = 6;

  /** Beyond it the clock would overflow. */
  private static final long WAIT_MAX_NANOS = Duration.ofDays(36_500).toNanos();

  private static final String REMEDY = "Call getNotifies more often, or raise the limit";

  private final ArrayDeque<Kept> kept = new ArrayDeque<>();
  private final ByteBudget budget;
  private final EngineMetrics metrics;

  /** Made before it is needed: a lambda takes memory. */
  private final Runnable malformedTrace;

  /** Guarded by this. */
  private boolean closed;

  /**
   * A notification that has arrived.
   *
   * @param from the address that sent it
   * @param bytes its part of the budget
   */
  public record Kept(NotifyMessage message, InetAddress from, long bytes) {}

  Notifications(Settings settings, EngineMetrics metrics) {
    budget =
        new ByteBudget(
            LimitOptions.NOTIFICATIONS.environmentName(),
            settings.get(LimitOptions.NOTIFICATIONS),
            LimitOptions.NOTIFICATIONS_PER_PEER.environmentName(),
            settings.get(LimitOptions.NOTIFICATIONS_PER_PEER));
    this.metrics = metrics;
    malformedTrace = () -> metrics.increment(Counter.TRACE_PARENTS_MALFORMED);
  }

  /**
   * Keeps a notification.
   *
   * @param json a Notify message, which is decoded only if there is room
   * @throws TransferException TOO_MANY_REQUESTS if there is no room; as the codec if it is not a
   *     notification
   */
  void add(InetAddress from, byte[] json) {
    long reserved = 0;
    boolean added = false;
    try {
      long least = OVERHEAD_BYTES + json.length * 2L / ENCODED_CHARACTER_MAX_BYTES;
      reserve(from, least);
      reserved = least;
      NotifyMessage message = MetadataCodec.decodeNotify(json, malformedTrace);
      long bytes = sizeBytes(message);
      if (bytes > reserved) {
        reserve(from, bytes - reserved);
        reserved = bytes;
      }
      added = keep(new Kept(message, from, reserved));
      if (!added) {
        throw refused(KEPT_LIMIT + " notifications wait to be fetched");
      }
    } finally {
      if (!added) {
        if (reserved > 0) {
          budget.release(from, reserved);
        }
        // Only now: its texts may throw when memory has run out.
        metrics.happened(
            EngineEvent.Kind.LIMIT_REACHED,
            Counter.NOTIFICATIONS_DROPPED,
            from.getHostAddress(),
            "a notification was not taken");
      }
    }
  }

  private void reserve(InetAddress from, long bytes) {
    Optional<String> full = budget.reserve(from, bytes);
    if (full.isPresent()) {
      throw refused("it takes " + full.get());
    }
  }

  private static long sizeBytes(NotifyMessage message) {
    return OVERHEAD_BYTES
        + (message.traceParent().isPresent() ? TRACE_BYTES : 0)
        + 2L * message.name().length()
        + 2L * message.message().length();
  }

  private static TransferException refused(String why) {
    return new TransferException(ErrorCode.TOO_MANY_REQUESTS, why, REMEDY);
  }

  private synchronized boolean keep(Kept one) {
    if (kept.size() == KEPT_LIMIT) {
      return false;
    }
    Queues.addLast(kept, one);
    notifyAll();
    return true;
  }

  /** {@return all that have arrived since the last call} */
  public List<NotifyMessage> drain() {
    List<NotifyMessage> messages;
    List<Kept> drained;
    synchronized (this) {
      // All memory first, then the queue: a failure loses nothing.
      messages = new ArrayList<>(kept.size());
      drained = new ArrayList<>(kept);
      kept.clear();
    }
    for (Kept one : drained) {
      budget.release(one.from, one.bytes);
      messages.add(one.message);
    }
    return messages;
  }

  /**
   * {@return the oldest one; empty if the time is over or the engine was closed} Waits for one.
   *
   * @param timeout how long to wait at most; zero or less only looks
   */
  public Optional<Kept> take(Duration timeout) throws InterruptedException {
    Kept taken;
    synchronized (this) {
      long end =
          System.nanoTime() + Math.clamp(TimeUnit.NANOSECONDS.convert(timeout), 0, WAIT_MAX_NANOS);
      while (kept.isEmpty() && !closed) {
        long left = end - System.nanoTime();
        if (left <= 0) {
          return Optional.empty();
        }
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
      if (kept.isEmpty()) {
        return Optional.empty();
      }
      // Checked here: a thread that was interrupted first does not take a message that arrives
      // later.
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      taken = kept.removeFirst();
    }
    budget.release(taken.from, taken.bytes);
    return Optional.of(taken);
  }

  /** Ends the waits. */
  synchronized void close() {
    closed = true;
    notifyAll();
  }
}
