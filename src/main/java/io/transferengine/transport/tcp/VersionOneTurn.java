// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.EventLoop;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A version 1 request that waits until nothing that was sent before it is still to be done; see
 * {@link VersionOneOrder}. Thread-safe, but for its timers.
 */
final class VersionOneTurn {
  /** How long a request may be kept waiting by bytes of which nobody knows what they are. */
  private static final long UNREAD_WAIT_MILLIS = 1000;

  /** The connection that asks. */
  interface Listener {
    /** {@return its event loop; null while nobody can have seen the connection} Any thread. */
    @Nullable EventLoop loop();

    /** It may begin; on the event loop. */
    void turnCame(VersionOneTurn came);
  }

  /** What else is to be done when it has waited for long; on the event loop. */
  interface Timing {
    /** It waits no more for bytes of which nobody knows what they are. */
    void hasLostPatience();

    /** It waits for nothing any more. */
    void hasGivenUp();
  }

  private final Listener asking;
  private final Timing timing;
  private final long waitLimitMillis;
  private final boolean write;
  private final long from;
  private final long to;
  private final long stamp;
  private final AtomicLong reasons;
  private final long startNanos = System.nanoTime();
  private volatile boolean patient = true;
  private volatile boolean over;
  private final AtomicBoolean timed = new AtomicBoolean();

  /** On the event loop of the connection that asks. */
  private @Nullable Future<?> impatience;

  private @Nullable Future<?> end;

  /**
   * @param waitLimitMillis how long it may be kept waiting in all
   * @param loops how many event loops are to be asked, each a reason to wait
   */
  VersionOneTurn(
      Listener asking,
      Timing timing,
      long waitLimitMillis,
      long stamp,
      boolean write,
      long from,
      long to,
      int loops) {
    this.asking = asking;
    this.timing = timing;
    this.waitLimitMillis = waitLimitMillis;
    this.stamp = stamp;
    this.write = write;
    this.from = from;
    this.to = to;
    this.reasons = new AtomicLong(loops);
  }

  /**
   * {@return whether it goes after another that waits} A read after every write: had it been sent
   * first, its sender would not know yet what it has read. Of two writes the one with the later
   * stamp. So none waits for one that waits for it.
   */
  boolean isAfter(VersionOneTurn other) {
    return other.write && (!write || stamp > other.stamp);
  }

  /** {@return whether it waits for bytes of which nobody knows what they are} */
  boolean isPatient() {
    return patient;
  }

  long from() {
    return from;
  }

  long to() {
    return to;
  }

  boolean isOver() {
    return over;
  }

  /** {@return whether it still waits, and not for longer than it should} */
  boolean isUnderWay() {
    long limitNanos = TimeUnit.MILLISECONDS.toNanos(waitLimitMillis + UNREAD_WAIT_MILLIS);
    return !over && System.nanoTime() - startNanos < limitNanos;
  }

  /** One more connection keeps it waiting. */
  void waitFurther() {
    reasons.incrementAndGet();
    if (timed.compareAndSet(false, true)) {
      var _ =
          LoopTasks.execute(
              asking.loop(),
              new Runnable() {
                @Override
                public void run() {
                  startTimers();
                }
              });
    }
  }

  private void startTimers() {
    EventLoop loop = asking.loop();
    if (!over && loop != null) {
      Runnable losing =
          new Runnable() {
            @Override
            public void run() {
              losePatience();
            }
          };
      Runnable givingUp =
          new Runnable() {
            @Override
            public void run() {
              giveUp();
            }
          };
      impatience = LoopTasks.schedule(loop, losing, UNREAD_WAIT_MILLIS, TimeUnit.MILLISECONDS);
      end = LoopTasks.schedule(loop, givingUp, waitLimitMillis, TimeUnit.MILLISECONDS);
    }
  }

  private void stopTimers() {
    if (impatience != null) {
      impatience.cancel(false);
    }
    if (end != null) {
      end.cancel(false);
    }
  }

  /** One thing less that it waits for. */
  void goOn() {
    if (reasons.decrementAndGet() == 0) {
      end();
    }
  }

  private void end() {
    if (!over) {
      over = true;
      var _ =
          LoopTasks.execute(
              asking.loop(),
              new Runnable() {
                @Override
                public void run() {
                  stopTimers();
                  asking.turnCame(VersionOneTurn.this);
                }
              });
    }
  }

  private void losePatience() {
    if (!over) {
      patient = false;
      timing.hasLostPatience();
    }
  }

  private void giveUp() {
    if (!over) {
      timing.hasGivenUp();
      end();
    }
  }
}
