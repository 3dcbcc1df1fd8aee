// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.netty.util.concurrent.EventExecutor;
import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.net.Place;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * How long a target's connection may stay: while something is under way, until that has stalled;
 * else until its place is wanted by another; and not for long if it never asks for anything.
 * Confined to the connection's event loop, but for the eviction.
 */
final class InboundTimeouts {
  private final TargetContext context;
  private final EventExecutor loop;
  private final BooleanSupplier underWay;
  private final Runnable end;
  private final Place place;
  private final StallWatch stall = new StallWatch();
  private boolean busy;
  private boolean evicted;

  /**
   * @param underWay whether something is; asked on the loop
   * @param end closes the connection; run on the loop
   */
  InboundTimeouts(
      TargetContext context,
      EventExecutor loop,
      InetAddress from,
      BooleanSupplier underWay,
      Runnable end) {
    this.underWay = underWay;
    this.context = context;
    this.loop = loop;
    this.end = end;
    this.place = new Place(from, this::onLoop);
  }

  Place place() {
    return place;
  }

  private void onLoop() {
    var _ =
        LoopTasks.execute(
            loop,
            () -> {
              evicted = true;
              endIfIdle();
            });
  }

  /** There may have been no memory to tell it. */
  private void heedEviction() {
    if (!evicted && place.isGivenAway()) {
      evicted = true;
      endIfIdle();
    }
  }

  /** The peer has sent something, or taken what it asked for. */
  void moved() {
    stall.moved();
    if (!busy) {
      busy = true;
      // What had arrived when the place was given away is served still.
      var _ = place.begin();
    }
  }

  private void endIfIdle() {
    if (!underWay.getAsBoolean()) {
      end.run();
    }
  }

  /** Something has ended; if it was the last, the place may be given away from now on. */
  void restIfIdle() {
    if (busy && !underWay.getAsBoolean()) {
      busy = false;
      place.rest();
      if (evicted) {
        // Not from here: the outbound queue may be being walked.
        loop.execute(
            new Runnable() {
              @Override
              public void run() {
                endIfIdle();
              }
            });
      }
    }
  }

  /** Ends the connection if it has stalled, or never asks for anything; asked every so often. */
  void endIfOverdue(Channel channel, OutboundStream outbound, long nowNanos, long missingBytes) {
    boolean stalled = stall.isOver(outbound, nowNanos, context.stallNanos());
    heedEviction();
    restIfIdle();
    if (underWay.getAsBoolean() && stalled) {
      context.warn(
          channel,
          "no progress for %d s; %d bytes of a body were missing"
              .formatted(TimeUnit.NANOSECONDS.toSeconds(context.stallNanos()), missingBytes));
      end.run();
    } else if (place.isSilentFor(nowNanos, context.silenceNanos())) {
      context
          .metrics()
          .happened(
              EngineEvent.Kind.LIMIT_REACHED,
              Counter.INBOUND_CONNECTIONS_SILENT,
              SegmentDescriptor.TCP,
              channel.remoteAddress(),
              "it has asked for nothing within TE_INBOUND_SILENCE_SECONDS");
      context.warn(
          channel,
          "it has asked for nothing within %d s (TE_INBOUND_SILENCE_SECONDS)"
              .formatted(TimeUnit.NANOSECONDS.toSeconds(context.silenceNanos())));
      end.run();
    }
  }
}
