// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * One connection to the data port in the eyes of {@link VersionOneOrder}: what it still has to do,
 * and what it waits for itself. All but what is marked otherwise runs on the connection's event
 * loop.
 */
final class VersionOneMember implements VersionOneTurn.Listener {
  /** Those from the same address. Thread-safe. */
  interface Host {
    /** {@return the next place among the requests that wait} */
    long stamp();

    /** The connection is over, or speaks version 2. */
    void left(VersionOneMember member);

    /**
     * {@return null when a request may begin at once, else its turn, of which {@link
     * VersionOneMember#turnCame} tells} On the event loop of the connection.
     */
    @Nullable VersionOneTurn ask(
        VersionOneMember asking, long stamp, boolean write, long from, long to);
  }

  /** What serves the requests; on its event loop. */
  interface Connection {
    /** The request that waited for others may begin. */
    void onTurn();

    /** {@return whether a version 1 write is under way that has bytes of a range still to come} */
    boolean isInVersion1Write(long from, long to);

    /** {@return whether what the kernel has for us is read, and is looked at when it is} */
    boolean isReading();

    /** {@return whether a version 1 write keeps it from reading what is behind that} */
    boolean isHeld();

    /** {@return the bytes that have arrived in all} */
    long bytesReceived();

    /** {@return the bytes that will have arrived when all is read that the kernel has now} */
    long bytesReceivedSoon();
  }

  private record Waiter(VersionOneTurn turn, long untilBytesReceived) {}

  private static final Predicate<Waiter> IS_OVER =
      new Predicate<>() {
        @Override
        public boolean test(Waiter waiter) {
          return waiter.turn.isOver();
        }
      };

  private final List<Waiter> waiters = new ArrayList<>();
  private volatile @Nullable Host host;
  private volatile @Nullable EventLoop loop;
  private volatile @Nullable Channel channel;
  private @Nullable Connection connection;

  /** What its next request waits for; once that is over, the request may begin. */
  private @Nullable VersionOneTurn turn;

  /** The place of its next request among those that wait; 0 for one that is not known yet. */
  private long stamp;

  /** The kernel may have more: that shows in the next round. */
  private boolean inputUnseen;

  /** How often that was so. */
  private long doubts;

  /** One of which nothing is kept in order. */
  VersionOneMember() {
    this(0);
  }

  /** One that was accepted as the {@code stamp}th of all. */
  VersionOneMember(long stamp) {
    this.stamp = stamp;
  }

  /** On the accepting thread. */
  void joined(Host joined, Channel accepted) {
    channel = accepted;
    host = joined;
  }

  /** On the accepting thread: the acceptor has handed it to its event loop, or has failed. */
  void handedOver() {
    Channel accepted = channel;
    if (accepted != null && accepted.isOpen()) {
      loop = accepted.eventLoop();
    } else {
      // Where the acceptor has failed, the channel does not say that it is closed.
      leave();
    }
  }

  /** {@return whom it belongs to; null once it has left} Any thread. */
  @Nullable Host host() {
    return host;
  }

  /** {@return the event loop; null while nobody can have seen the connection} Any thread. */
  @Override
  public @Nullable EventLoop loop() {
    return loop;
  }

  /** The connection serves requests from now on. */
  void serves(Connection serving) {
    connection = serving;
    handedOver();
    inputMayHaveCome();
  }

  /** Until the next round nobody knows whether there is more: input was switched on, say. */
  void inputMayHaveCome() {
    EventLoop own = loop;
    if (host != null && own != null) {
      inputUnseen = true;
      long doubt = ++doubts;
      LoopTasks.afterOneRound(
          own,
          new Runnable() {
            @Override
            public void run() {
              if (doubt == doubts) {
                inputUnseen = false;
                recheck();
              }
            }
          });
    }
  }

  /** What had come was read, all of it or as much as fits into a turn. */
  void readComplete(boolean all) {
    if (all) {
      inputUnseen = false;
      doubts++;
    } else {
      inputMayHaveCome();
    }
    recheck();
  }

  /** Its requests need no order: it speaks version 2, or is over. Idempotent; any thread. */
  void leave() {
    Host left = host;
    if (left != null) {
      host = null;
      left.left(this);
      EventLoop own = loop;
      if (own != null && own.inEventLoop()) {
        recheck();
      }
    }
  }

  /**
   * {@return whether a request may begin; if not, the connection is told when it may, and asks
   * again} Version 2 needs no order: what has an answer may be relied on.
   */
  boolean mayBegin(long size, long address, int opcode) {
    if ((opcode & Frames.VERSION_2_BIT) != 0) {
      leave();
      return true;
    }
    return mayBegin(opcode == Frames.OPCODE_WRITE, address, size);
  }

  private boolean mayBegin(boolean write, long address, long bytes) {
    Host joined = host;
    if (joined == null || bytes <= 0) {
      return true;
    }
    VersionOneTurn waiting = turn;
    if (waiting == null) {
      long place = stamp == 0 ? joined.stamp() : stamp;
      stamp = 0;
      waiting = joined.ask(this, place, write, address, address + bytes);
      turn = waiting;
      return waiting == null;
    }
    if (!waiting.isOver()) {
      return false;
    }
    turn = null;
    return true;
  }

  /** {@return whether the next request waits, as long as it should} */
  boolean isWaiting() {
    VersionOneTurn waiting = turn;
    return waiting != null && waiting.isUnderWay();
  }

  /** Ends the connection. Any thread. */
  void close() {
    Channel accepted = channel;
    if (accepted != null) {
      var _ = accepted.close();
    }
  }

  @Override
  public void turnCame(VersionOneTurn came) {
    Connection serving = connection;
    if (came == turn && serving != null) {
      serving.onTurn();
      recheck();
    }
  }

  /** Notes that a turn has to wait for this connection, if it has. */
  void consider(VersionOneTurn asked) {
    if (!waiters.isEmpty()) {
      waiters.removeIf(IS_OVER);
    }
    Connection serving = connection;
    if (serving == null || asked.isOver()) {
      return;
    }
    if (blocks(serving, asked, Long.MAX_VALUE)) {
      waiters.add(new Waiter(asked, serving.bytesReceivedSoon()));
      asked.waitFurther();
    }
  }

  /** Something may have come to its end. */
  void recheck() {
    Connection serving = connection;
    if (waiters.isEmpty() || serving == null) {
      return;
    }
    for (Iterator<Waiter> each = waiters.iterator(); each.hasNext(); ) {
      Waiter waiter = each.next();
      if (!blocks(serving, waiter.turn, waiter.untilBytesReceived)) {
        each.remove();
        waiter.turn.goOn();
      }
    }
  }

  private boolean blocks(Connection serving, VersionOneTurn asked, long untilBytesReceived) {
    Channel accepted = channel;
    if (host == null || accepted == null || !accepted.isOpen() || asked.isOver()) {
      return false;
    }
    if (serving.isInVersion1Write(asked.from(), asked.to())) {
      return true;
    }
    VersionOneTurn own = turn;
    if (own != null) {
      // Behind it there may be more, unless it is a read: nothing is sent behind one of those.
      boolean overlaps = own.from() < asked.to() && own.to() > asked.from();
      return asked.isAfter(own) && (overlaps || asked.isPatient());
    }
    return asked.isPatient()
        && ((inputUnseen && serving.isReading()) || serving.isHeld())
        && serving.bytesReceived() < untilBytesReceived;
  }
}
