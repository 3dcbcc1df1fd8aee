// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.util.AttributeKey;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the version 1 requests of a host in the order in which it sent them, over all of its
 * connections.
 *
 * <h2>Why</h2>
 *
 * To an initiator of version 1 a write is done once its bytes are in its own kernel; nothing
 * answers. Its next request often comes on a new connection, and reads what was just written. Here
 * the two are served by different event loops, and the second would win as often as not. In C++
 * targets one thread accepts and serves all of them, in their order.
 *
 * <h2>How</h2>
 *
 * Every accepted connection is a {@link VersionOneMember} of its host, noted on the accepting
 * thread, so before any that comes after it. Before a version 1 request begins, its connection asks
 * the event loops of the host's others, unless there are none: each lets one round of input and
 * output pass, in which all that the kernel had is read, and then looks at its connections. One
 * that is in a version 1 write to an overlapping range keeps the request waiting until that write
 * is over; so does one that waits itself with such a write, and one that has more to read, since
 * nobody knows what, until it has read what can have been there.
 *
 * <p>Of two writes that wait the one whose connection was accepted first goes first; on connections
 * that have served requests before, the one that was seen first.
 *
 * <h2>What it costs others</h2>
 *
 * Connections that speak version 2 are no members from their first request on and are never looked
 * at. Hosts do not wait for one another. Peers that share an address (behind a NAT, on the
 * loopback) wait for a write of another's only if the ranges overlap, and then for as long as a
 * body may stall; for unread bytes they wait a second at the most.
 *
 * <p>Thread-safe.
 */
final class VersionOneOrder {
  static final AttributeKey<VersionOneMember> MEMBER =
      AttributeKey.valueOf(VersionOneOrder.class, "member");

  /** How long a request may be kept waiting by bytes of which nobody knows what they are. */
  private static final long UNREAD_WAIT_MILLIS = 1000;

  private final EngineMetrics metrics;
  private final long waitLimitMillis;

  /** Numbers connections as they are accepted, and their further requests as they are seen. */
  private final AtomicLong stamps = new AtomicLong();

  /** Guarded by this. */
  private final Map<InetAddress, Host> hosts = new HashMap<>();

  /** The connections from one address that may speak version 1. */
  final class Host {
    private static final VersionOneMember[] NONE = {};
    private final InetAddress address;

    /** Never changed, only replaced; by whoever holds the lock of the order. */
    private volatile VersionOneMember[] members = NONE;

    private Host(InetAddress address) {
      this.address = address;
    }

    VersionOneOrder order() {
      return VersionOneOrder.this;
    }
  }

  /**
   * None has arrived.
   *
   * @param waitLimitSeconds how long a request may be kept waiting by a write in all
   */
  VersionOneOrder(EngineMetrics metrics, int waitLimitSeconds) {
    this.metrics = metrics;
    this.waitLimitMillis = TimeUnit.SECONDS.toMillis(waitLimitSeconds);
  }

  /** {@return what goes into the pipeline of the listening channel, ahead of the acceptor} */
  ChannelInboundHandlerAdapter arrivals() {
    return new ChannelInboundHandlerAdapter() {
      // A listener that finds its port taken is made anew, with the same handler.
      @Override
      public boolean isSharable() {
        return true;
      }

      @Override
      public void channelRead(ChannelHandlerContext context, Object message) {
        Channel channel = (Channel) message;
        VersionOneMember member = new VersionOneMember(stamp());
        try {
          arrived(channel, member);
        } catch (Throwable t) {
          // Nobody else knows of the connection yet.
          member.leave();
          channel.unsafe().closeForcibly();
          throw t;
        }
        context.fireChannelRead(message);
        member.handedOver();
      }
    };
  }

  private void arrived(Channel channel, VersionOneMember member) {
    channel.attr(MEMBER).set(member);
    if (channel.remoteAddress() instanceof InetSocketAddress from && from.getAddress() != null) {
      synchronized (this) {
        Host host = hosts.computeIfAbsent(from.getAddress(), Host::new);
        VersionOneMember[] more = Arrays.copyOf(host.members, host.members.length + 1);
        more[more.length - 1] = member;
        host.members = more;
        member.joined(host, channel);
      }
      var _ = channel.closeFuture().addListener(_ -> member.leave());
    }
  }

  long stamp() {
    return stamps.incrementAndGet();
  }

  /** The connection is over, or speaks version 2. */
  synchronized void left(VersionOneMember member, Host host) {
    VersionOneMember[] fewer =
        Arrays.stream(host.members)
            .filter(other -> other != member)
            .toArray(VersionOneMember[]::new);
    host.members = fewer;
    if (fewer.length == 0) {
      hosts.remove(host.address, host);
    }
  }

  /** A version 1 request that waits until nothing that was sent before it is still to be done. */
  final class Turn {
    private final VersionOneMember asking;
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

    private Turn(
        VersionOneMember asking, long stamp, boolean write, long from, long to, int loops) {
      this.stamp = stamp;
      this.asking = asking;
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
    boolean isAfter(Turn other) {
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

    /** One more connection keeps it waiting; from within {@link VersionOneMember#consider}. */
    void waitFurther() {
      reasons.incrementAndGet();
      if (timed.compareAndSet(false, true)) {
        execute(asking.loop(), this::startTimers);
      }
    }

    private void startTimers() {
      EventLoop loop = asking.loop();
      if (!over && loop != null) {
        impatience = schedule(loop, this::losePatience, UNREAD_WAIT_MILLIS, TimeUnit.MILLISECONDS);
        end = schedule(loop, this::giveUp, waitLimitMillis, TimeUnit.MILLISECONDS);
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

    void end() {
      if (!over) {
        over = true;
        execute(
            asking.loop(),
            () -> {
              stopTimers();
              asking.turnCame(this);
            });
      }
    }

    private void losePatience() {
      if (!over) {
        patient = false;
        for (EventLoop loop : loopsOf(others(asking))) {
          execute(loop, () -> forEachOn(loop, asking, VersionOneMember::recheck));
        }
      }
    }

    private void giveUp() {
      if (!over) {
        metrics.increment(Counter.INBOUND_ORDER_GIVEN_UP);
        end();
      }
    }
  }

  /**
   * {@return null when a request may begin at once, else its turn, of which {@link
   * VersionOneMember#turnCame} tells} On the event loop of the connection.
   */
  @Nullable Turn ask(VersionOneMember asking, long stamp, boolean write, long from, long to) {
    Set<EventLoop> loops = loopsOf(others(asking));
    if (loops.isEmpty()) {
      return null;
    }
    Turn turn = new Turn(asking, stamp, write, from, to, loops.size());
    for (EventLoop loop : loops) {
      if (!execute(loop, () -> checked(turn, () -> lookAfterOneRound(loop, turn)))) {
        turn.goOn();
      }
    }
    return turn;
  }

  private static void lookAfterOneRound(EventLoop loop, Turn turn) {
    afterOneRound(
        loop,
        () ->
            checked(
                turn,
                () -> {
                  forEachOn(loop, turn.asking, member -> member.consider(turn));
                  turn.goOn();
                }));
  }

  /** What could not be looked at might be in the way: then the request has to be sent again. */
  private static void checked(Turn turn, Runnable look) {
    try {
      look.run();
    } catch (Throwable t) {
      turn.asking.close();
      throw t;
    }
  }

  private static VersionOneMember[] others(VersionOneMember asking) {
    Host host = asking.host();
    // It is one of them itself.
    return host == null || host.members.length < 2 ? Host.NONE : host.members;
  }

  private static Set<EventLoop> loopsOf(VersionOneMember[] members) {
    Set<EventLoop> loops = new LinkedHashSet<>();
    for (VersionOneMember member : members) {
      EventLoop loop = member.loop();
      if (loop != null) {
        loops.add(loop);
      }
    }
    return loops;
  }

  private interface Look {
    void at(VersionOneMember member);
  }

  private static void forEachOn(EventLoop loop, VersionOneMember asking, Look look) {
    for (VersionOneMember member : others(asking)) {
      if (member != asking && member.loop() == loop) {
        look.at(member);
      }
    }
  }

  /** {@return whether the loop takes it: one that has ended has closed its connections} */
  private static boolean execute(@Nullable EventLoop loop, Runnable action) {
    try {
      if (loop != null) {
        loop.execute(action);
        return true;
      }
      return false;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  /**
   * Runs something once the loop has looked for input once more and handed it out; on the loop.
   * What a task schedules is taken up with the tasks of the next round, and a round begins with
   * input.
   */
  static void afterOneRound(EventLoop loop, Runnable action) {
    var _ = schedule(loop, action, 1, TimeUnit.NANOSECONDS);
  }

  /** {@return null when the transport has stopped, and nothing is served any more} */
  private static @Nullable Future<?> schedule(
      EventLoop loop, Runnable action, long delay, TimeUnit unit) {
    try {
      return loop.schedule(action, delay, unit);
    } catch (RejectedExecutionException e) {
      return null;
    }
  }
}
