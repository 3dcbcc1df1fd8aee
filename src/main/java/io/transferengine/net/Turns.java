// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import io.transferengine.logging.Anyway;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Rations costly work that strangers have us do: so many at once, and those that wait by turns, one
 * of each address. However much one address wants, another waits for one piece of it at the most.
 *
 * <p>How many wait is for the callers to limit: each has a place at one of our ports ({@link
 * Places}), and takes itself out when its connection ends. Thread-safe.
 */
public final class Turns {
  private static final Logger log = LoggerFactory.getLogger(Turns.class);

  /** Those of one address that wait, in their order. */
  record Line(InetAddress address, LinkedHashSet<Turn> waiting) {}

  /** Not where they are used: a text takes memory when that is run for the first time. */
  private static final String WHAT = "A turn";

  private static final String LOST = "The end of what lost its turn";

  private enum State {
    NEW,
    WAITING,
    GRANTED,
    OVER
  }

  private final Map<InetAddress, Line> lines;

  /** The lines, in the order in which they have a turn. */
  private final ArrayDeque<Line> order = new ArrayDeque<>();

  private final Runnable onWait;
  private final ThreadFactory threads;
  private int free;

  /**
   * Nothing is under way yet.
   *
   * @param atOnce how many have a turn at the same time, positive
   * @param onWait told each time that somebody has to wait for a turn; must not block
   */
  public Turns(int atOnce, Runnable onWait) {
    this(atOnce, onWait, new HashMap<>(), WaitingThreads.factory("te-turn"));
  }

  Turns(int atOnce, Runnable onWait, Map<InetAddress, Line> lines, ThreadFactory threads) {
    this.threads = threads;
    this.free = atOnce;
    this.onWait = onWait;
    this.lines = lines;
  }

  /** One that has a turn, or waits for it. */
  public final class Turn {
    private final InetAddress address;
    private final Runnable granted;
    private State state = State.NEW;

    private Turn(InetAddress address, Runnable granted) {
      this.address = address;
      this.granted = granted;
    }

    /** Waits no more: its work is not wanted any longer. Without effect if it has its turn. */
    public void leave() {
      Turns.this.leave(this);
    }

    /** Gives its turn to the next, or waits no more. May be called more than once. */
    public void end() {
      Turns.this.leave(this);
      Turns.this.passOn(this);
    }
  }

  /**
   * Waits for a turn; {@return it} The caller ends it.
   *
   * @param address for whom the work is
   * @param deadlineNanos of {@link System#nanoTime}
   * @throws TimeoutException if it has not come until then
   */
  public Turn take(InetAddress address, long deadlineNanos)
      throws InterruptedException, TimeoutException {
    Event granted = new Event();
    Turn turn = new Turn(address, granted::happen);
    boolean done = false;
    try {
      enter(turn);
      done = granted.await(deadlineNanos - System.nanoTime());
    } finally {
      if (!done) {
        turn.end();
      }
    }
    if (!done) {
      throw new TimeoutException("others had their turns");
    }
    return turn;
  }

  /**
   * Does work on a thread of its own when its turn has come.
   *
   * @param address for whom the work is
   * @param onLost told if its thread cannot be started when its turn has come; must not block
   * @return its turn, which ends with the work
   */
  public Turn execute(InetAddress address, Runnable work, Runnable onLost) {
    // It needs to know itself, which it does before it can be granted.
    Turn[] self = new Turn[1];
    Thread thread =
        threads.newThread(
            () -> {
              try {
                work.run();
              } finally {
                self[0].end();
              }
            });
    Turn turn = new Turn(address, () -> start(thread, onLost));
    self[0] = turn;
    try {
      enter(turn);
    } catch (Throwable t) {
      turn.end();
      throw t;
    }
    return turn;
  }

  private static void start(Thread thread, Runnable onLost) {
    try {
      thread.start();
    } catch (Throwable t) {
      Anyway.run(log, LOST, onLost);
      throw t;
    }
  }

  private void enter(Turn turn) {
    boolean now;
    synchronized (this) {
      now = free > 0;
      if (now) {
        free--;
        turn.state = State.GRANTED;
      } else {
        join(turn);
      }
    }
    if (now) {
      turn.granted.run();
    } else {
      onWait.run();
    }
  }

  private void join(Turn turn) {
    // First: if memory runs out below, it leaves as any other. What throws may have put it in.
    turn.state = State.WAITING;
    Line line = lines.get(turn.address);
    if (line == null) {
      line = new Line(turn.address, new LinkedHashSet<>());
      line.waiting.add(turn);
      lines.put(turn.address, line);
      addLast(line);
    } else {
      line.waiting.add(turn);
    }
  }

  /** Without memory to grow it would look empty, and all that wait be lost. */
  private void addLast(Line line) {
    boolean added = false;
    try {
      order.addLast(line);
      added = true;
    } finally {
      if (!added && line.equals(order.peekLast())) {
        var _ = order.pollLast();
      }
    }
  }

  private synchronized void leave(Turn turn) {
    if (turn.state != State.WAITING) {
      return;
    }
    turn.state = State.OVER;
    Line line = lines.get(turn.address);
    if (line != null && line.waiting.remove(turn) && line.waiting.isEmpty()) {
      lines.remove(line.address);
      order.remove(line);
    }
  }

  private void passOn(Turn turn) {
    @Nullable Turn next = after(turn);
    while (next != null && !Anyway.run(log, WHAT, next.granted)) {
      next = after(next);
    }
  }

  /** {@return who has the turn next; null if nobody waits, or it was not this one's to give} */
  private synchronized @Nullable Turn after(Turn turn) {
    if (turn.state != State.GRANTED) {
      return null;
    }
    turn.state = State.OVER;
    Line line = order.pollFirst();
    if (line == null) {
      free++;
      return null;
    }
    Turn next = line.waiting.removeFirst();
    next.state = State.GRANTED;
    if (line.waiting.isEmpty()) {
      lines.remove(line.address);
    } else {
      // Into the place that it has just left: this needs no memory.
      order.addLast(line);
    }
    return next;
  }
}
