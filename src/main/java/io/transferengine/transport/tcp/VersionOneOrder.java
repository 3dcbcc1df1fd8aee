// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.util.AttributeKey;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
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

  private static final VersionOneMember[] NONE = {};

  private final EngineMetrics metrics;
  private final long waitLimitMillis;

  /** Numbers connections as they are accepted, and their further requests as they are seen. */
  private final AtomicLong stamps = new AtomicLong();

  /** Guarded by this. */
  private final Map<InetAddress, Host> hosts = new HashMap<>();

  /** The connections from one address that may speak version 1. */
  private final class Host implements VersionOneMember.Host {
    private final InetAddress address;

    /** Never changed, only replaced; by whoever holds the lock of the order. */
    private volatile VersionOneMember[] members = {};

    private Host(InetAddress address) {
      this.address = address;
    }

    @Override
    public long stamp() {
      return stamps.incrementAndGet();
    }

    @Override
    public void left(VersionOneMember member) {
      synchronized (VersionOneOrder.this) {
        VersionOneMember[] fewer = without(member, members);
        members = fewer;
        if (fewer.length == 0) {
          hosts.remove(address, this);
        }
      }
    }

    /** Strangers come and go by the thousand: this has to be quick. */
    private static VersionOneMember[] without(VersionOneMember member, VersionOneMember[] all) {
      for (int i = 0; i < all.length; i++) {
        if (all[i] == member) {
          VersionOneMember[] fewer = Arrays.copyOf(all, all.length - 1);
          System.arraycopy(all, i + 1, fewer, i, fewer.length - i);
          return fewer;
        }
      }
      return all;
    }

    @Override
    public @Nullable VersionOneTurn ask(
        VersionOneMember asking, long stamp, boolean write, long from, long to) {
      Set<EventLoop> loops = loopsBeside(asking);
      if (loops.isEmpty()) {
        return null;
      }
      VersionOneTurn turn =
          new VersionOneTurn(
              asking,
              new LongWait(this, asking),
              waitLimitMillis,
              stamp,
              write,
              from,
              to,
              loops.size());
      for (EventLoop loop : loops) {
        if (!LoopTasks.execute(loop, new Look(loop, asking, turn))) {
          turn.goOn();
        }
      }
      return turn;
    }

    /** At the connections of a loop, after one more round of it. */
    private final class Look implements Runnable {
      private final EventLoop loop;
      private final VersionOneMember asking;
      private final VersionOneTurn turn;
      private boolean afterOneRound;

      Look(EventLoop loop, VersionOneMember asking, VersionOneTurn turn) {
        this.loop = loop;
        this.asking = asking;
        this.turn = turn;
      }

      @Override
      public void run() {
        try {
          if (!afterOneRound) {
            afterOneRound = true;
            LoopTasks.afterOneRound(loop, this);
            return;
          }
          for (VersionOneMember member : othersOn(loop, asking)) {
            member.consider(turn);
          }
          turn.goOn();
        } catch (Throwable t) {
          // What could not be looked at might be in the way: then the request has to be sent again.
          asking.close();
          throw t;
        }
      }
    }

    /** {@return the event loops of all, the one that asks among them; none if it is alone} */
    private Set<EventLoop> loopsBeside(VersionOneMember asking) {
      Set<EventLoop> loops = new LinkedHashSet<>();
      for (VersionOneMember member : others(asking)) {
        EventLoop loop = member.loop();
        if (loop != null) {
          loops.add(loop);
        }
      }
      return loops;
    }

    private List<VersionOneMember> othersOn(EventLoop loop, VersionOneMember asking) {
      List<VersionOneMember> there = new ArrayList<>();
      for (VersionOneMember member : others(asking)) {
        if (member != asking && member.loop() == loop) {
          there.add(member);
        }
      }
      return there;
    }

    private VersionOneMember[] others(VersionOneMember asking) {
      VersionOneMember[] all = members;
      // It is one of them itself, unless it has left.
      return asking.host() == null || all.length < 2 ? NONE : all;
    }
  }

  /** What becomes of a turn that waits for long. */
  private final class LongWait implements VersionOneTurn.Timing {
    private final Host host;
    private final VersionOneMember asking;

    LongWait(Host host, VersionOneMember asking) {
      this.host = host;
      this.asking = asking;
    }

    @Override
    public void hasLostPatience() {
      for (EventLoop loop : host.loopsBeside(asking)) {
        var _ =
            LoopTasks.execute(
                loop,
                new Runnable() {
                  @Override
                  public void run() {
                    recheckOn(loop);
                  }
                });
      }
    }

    private void recheckOn(EventLoop loop) {
      for (VersionOneMember member : host.othersOn(loop, asking)) {
        member.recheck();
      }
    }

    @Override
    public void hasGivenUp() {
      metrics.increment(Counter.INBOUND_ORDER_GIVEN_UP);
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
        VersionOneMember member = new VersionOneMember(stamps.incrementAndGet());
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
        Host host = hosts.get(from.getAddress());
        if (host == null) {
          host = new Host(from.getAddress());
          hosts.put(from.getAddress(), host);
        }
        VersionOneMember[] more = Arrays.copyOf(host.members, host.members.length + 1);
        more[more.length - 1] = member;
        host.members = more;
        member.joined(host, channel);
      }
      var _ =
          channel
              .closeFuture()
              .addListener(
                  new ChannelFutureListener() {
                    @Override
                    public void operationComplete(ChannelFuture closed) {
                      member.leave();
                    }
                  });
    }
  }
}
