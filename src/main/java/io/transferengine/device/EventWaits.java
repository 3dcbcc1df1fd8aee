// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.logging.Anyway;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Those who wait for events of CUDA. One thread asks for all of them, again and again: no wait for
 * one keeps another from being seen, and no stream of ours stands still behind an event that may
 * never happen. The thread begins with the first wait, and sleeps while there is none.
 *
 * <p>Thread-safe.
 */
public final class EventWaits implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EventWaits.class);

  /** Between two rounds; the older the youngest wait is, the longer. */
  private static final long PAUSE_NANOS_MIN = 20_000;

  private static final long PAUSE_NANOS_MAX = 1_000_000;

  /** A pause is this part of what the youngest has waited: that is what it may be late by. */
  private static final int PART = 16;

  private static final long JOIN_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** Who waits. Called on the thread of the waits; must not block. */
  public interface Waiter {
    /** {@return whether it does not wait any more} */
    boolean isOver();

    /** The event has happened. Called once at most. */
    void happened();

    /**
     * Whether the event happens cannot be found out, or {@link #happened} has thrown something.
     * Called again if it throws something itself.
     */
    void failed(TransferException why);
  }

  /** A link of the list, so that to keep it there takes no memory. */
  private static final class Wait {
    private final MemoryKind kind;
    private final long event;
    private final Waiter waiter;
    private final long sinceNanos = System.nanoTime();
    private @Nullable Wait next;
    private boolean isTold;
    private @Nullable Throwable thrown;

    Wait(MemoryKind kind, long event, Waiter waiter) {
      this.kind = kind;
      this.event = event;
      this.waiter = waiter;
    }
  }

  private final Devices devices;

  // Guarded by this.
  private @Nullable Wait added;
  private @Nullable Thread thread;
  private boolean closed;
  private boolean over;

  /** Nobody waits yet. */
  public EventWaits(Devices devices) {
    this.devices = devices;
  }

  /**
   * Has somebody told when an event has happened.
   *
   * @param kind the device whose driver is asked
   * @param event its handle
   * @throws TransferException if this is closed
   */
  public void add(MemoryKind kind, long event, Waiter waiter) {
    Wait wait = new Wait(kind, event, waiter);
    synchronized (this) {
      if (closed) {
        throw DeviceErrors.closed();
      }
      if (thread == null) {
        Thread made = Thread.ofPlatform().daemon().name("te-events").unstarted(this::run);
        made.start();
        thread = made;
      }
      wait.next = added;
      added = wait;
      notifyAll();
    }
  }

  private void run() {
    Wait first = null;
    while (true) {
      Wait more = next(first == null);
      if (more == null && first == null) {
        synchronized (this) {
          over = true;
          notifyAll();
        }
        return;
      }
      first = round(joined(more, first));
      if (first != null) {
        LockSupport.parkNanos(pause(first));
      }
    }
  }

  /** {@return what was added, if need be after a wait for it; null at the end, or for nothing} */
  private synchronized @Nullable Wait next(boolean idle) {
    while (idle && added == null && !closed) {
      try {
        wait();
      } catch (InterruptedException ignored) {
        // Nobody has reason to interrupt it; it ends when this is closed.
      }
    }
    Wait all = added;
    added = null;
    return all;
  }

  private static @Nullable Wait joined(@Nullable Wait some, @Nullable Wait others) {
    if (some == null) {
      return others;
    }
    Wait last = some;
    while (last.next != null) {
      last = last.next;
    }
    last.next = others;
    return some;
  }

  /** {@return those that go on waiting} */
  private @Nullable Wait round(@Nullable Wait all) {
    Wait left = null;
    Wait end = null;
    for (Wait each = all; each != null; ) {
      Wait next = each.next;
      if (isToBeKept(each)) {
        each.next = null;
        if (end == null) {
          left = each;
        } else {
          end.next = each;
        }
        end = each;
      }
      each = next;
    }
    return left;
  }

  /** What throws something, such as no memory, is tried again; but nobody is told twice. */
  private boolean isToBeKept(Wait wait) {
    try {
      if (wait.waiter.isOver() || isClosed()) {
        return false;
      }
      Throwable thrown = wait.thrown;
      if (wait.isTold && thrown != null) {
        wait.waiter.failed(
            new TransferException(
                ErrorCode.MEMORY, "What waited for an event was not begun: " + thrown, "", thrown));
        return false;
      }
      try {
        if (!devices.of(wait.kind).hasHappened(wait.event)) {
          return true;
        }
      } catch (TransferException e) {
        wait.waiter.failed(DeviceErrors.ofHandle("event", wait.event, e));
        return false;
      }
      wait.isTold = true;
      wait.waiter.happened();
      return false;
    } catch (Throwable t) {
      wait.thrown = t;
      Anyway.failed(log, "A look at an event", t);
      return true;
    }
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  private static long pause(Wait first) {
    long youngest = Long.MAX_VALUE;
    long now = System.nanoTime();
    for (Wait each = first; each != null; each = each.next) {
      youngest = Math.min(youngest, now - each.sinceNanos);
    }
    return Math.clamp(youngest / PART, PAUSE_NANOS_MIN, PAUSE_NANOS_MAX);
  }

  /** Ends the thread; nobody is told any more. Idempotent. */
  @Override
  public synchronized void close() {
    closed = true;
    notifyAll();
    if (thread == null) {
      return;
    }
    long end = System.nanoTime() + JOIN_NANOS;
    boolean interrupted = false;
    for (long left = JOIN_NANOS; !over && left > 0; left = end - System.nanoTime()) {
      try {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
