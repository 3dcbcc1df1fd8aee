// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import io.transferengine.events.EngineEvent;
import io.transferengine.events.EngineListener;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.Counter;
import io.transferengine.net.WaitingThreads;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Events on their way to listeners. Who tells of one never waits, never calls a listener, and gets
 * nothing thrown at it: events happen on event loops, under locks, and in full heaps. Without a
 * listener an event costs one look. Thread-safe.
 */
public final class EventQueue {
  /** As the Javadoc of {@link EngineListener#happened} says; some hundred bytes each. */
  static final int WAITING_LIMIT = 1024;

  /** Of one counter: strangers decide how many there are, or a peer that ends each connection. */
  static final int PER_SECOND_LIMIT = 100;

  private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final Logger log = LoggerFactory.getLogger(EventQueue.class);

  private final List<EngineListener> listeners = new CopyOnWriteArrayList<>();
  private final Runnable omitted;
  private final Executor threads;
  private final LongSupplier clock;
  private final WarnLimiter broken = new WarnLimiter(log);

  /** Made once: it is needed when there may be no memory for it. */
  private final Runnable delivery = this::deliver;

  /** Guarded by this, as all below. */
  private final ArrayDeque<EngineEvent> waiting = new ArrayDeque<>();

  private boolean delivering;

  /** One for each counter, made at the start: later there may be no memory. */
  private final Map<Counter, Second> seconds = new EnumMap<>(Counter.class);

  /** The present second of a counter, and how many events there were in it. */
  private static final class Second {
    private long beganNanos;
    private int events;
  }

  /**
   * Without listeners.
   *
   * @param omitted counts an event that nobody is told of
   */
  EventQueue(Runnable omitted) {
    this(omitted, WaitingThreads.pool("te-event-"), System::nanoTime);
  }

  EventQueue(Runnable omitted, Executor threads, LongSupplier clock) {
    this.omitted = omitted;
    this.threads = threads;
    this.clock = clock;
    for (Counter each : Counter.values()) {
      seconds.put(each, new Second());
    }
  }

  /** Tells it from now on. */
  public void add(EngineListener listener) {
    listeners.add(listener);
  }

  /** Tells it no more, once if it was added more than once. */
  public void remove(EngineListener listener) {
    var _ = listeners.remove(listener);
  }

  /** {@return whether anybody listens} Else there is no need to make an event. */
  public boolean isHeard() {
    return !listeners.isEmpty();
  }

  /** {@return whether a counter has told of as much as it may in this second} */
  synchronized boolean isSpent(Counter counter) {
    Second second = Objects.requireNonNull(seconds.get(counter)); // made at the start
    return second.events >= PER_SECOND_LIMIT
        && clock.getAsLong() - second.beganNanos < SECOND_NANOS;
  }

  /** Has listeners told of an event, on another thread. Throws nothing. */
  public void tell(EngineEvent event) {
    if (!isHeard()) {
      return;
    }
    try {
      if (!enter(event)) {
        omit();
      }
    } catch (Throwable t) {
      // No memory or no thread. What happened goes on without a witness.
      omit();
    }
  }

  private void omit() {
    try {
      omitted.run();
    } catch (Throwable uncounted) {
      // To count may take memory, too.
    }
  }

  /** {@return whether it will be told} */
  private synchronized boolean enter(EngineEvent event) {
    if (waiting.size() >= WAITING_LIMIT || isTooMuch(event)) {
      return false;
    }
    waiting.addLast(event);
    if (!delivering) {
      delivering = true;
      boolean begun = false;
      try {
        threads.execute(delivery);
        begun = true;
      } finally {
        if (!begun) {
          // It is the only one: whoever delivers, empties the queue first.
          delivering = false;
          waiting.clear();
        }
      }
    }
    return true;
  }

  private boolean isTooMuch(EngineEvent event) {
    if (event.counter().isEmpty()) {
      return false;
    }
    Second second = Objects.requireNonNull(seconds.get(event.counter().get())); // made at the start
    long now = clock.getAsLong();
    if (second.events == 0 || now - second.beganNanos >= SECOND_NANOS) {
      second.beganNanos = now;
      second.events = 0;
    }
    if (second.events >= PER_SECOND_LIMIT) {
      return true;
    }
    second.events++;
    return false;
  }

  private void deliver() {
    for (@Nullable EngineEvent event = next(); event != null; event = next()) {
      try {
        for (EngineListener each : listeners) {
          tell(each, event);
        }
      } catch (Throwable t) {
        // No memory to go through them. The next event may find some.
        omit();
      }
    }
  }

  private synchronized @Nullable EngineEvent next() {
    EngineEvent event = waiting.pollFirst();
    if (event == null) {
      delivering = false;
    }
    return event;
  }

  private void tell(EngineListener listener, EngineEvent event) {
    try {
      listener.happened(event);
    } catch (Throwable t) {
      broken.fault("The listener %s failed", listener, t);
    }
  }
}
