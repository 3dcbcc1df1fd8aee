// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.DuplexChannel;
import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.tls.PeerToken;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.Incarnations;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How a target refuses a request, which ends its connection (protocol section 7.3). Confined to the
 * connection's event loop.
 */
final class Refusals {
  static final String LOST_MAPPING =
      "whose pages are gone: was the file that is mapped there made shorter?";

  /** How long a refused peer may go on sending before its connection is closed hard. */
  private static final long LINGER_MILLIS = 1000;

  /** How long what a peer had asked for when its certificate ended may take. */
  private static final long EXPIRED_MILLIS = 10_000;

  private final TargetContext context;
  static final String SPEAKS_TLS =
      "it speaks TLS, and TE_TLS is off here; set it to the same value on both sides, or list this"
          + " engine's address in the peer's TE_TLS_PLAIN_PEERS";

  /** A TLS record begins with its type and version, the handshake in it with the type "hello". */
  private static final long TLS_HELLO = 0x0000_0100_0000_0316L;

  private static final long TLS_HELLO_BITS = 0x0000_ff00_0000_ffffL;

  private final Admission admission;
  private final Channel channel;
  private final OutboundStream outbound;
  private final Answers answers;
  private final Runnable end;
  private boolean lingering;
  private boolean expired;

  /**
   * @param end closes the connection
   */
  Refusals(
      TargetContext context,
      Admission admission,
      Channel channel,
      OutboundStream outbound,
      Answers answers,
      Runnable end) {
    this.context = context;
    this.admission = admission;
    this.channel = channel;
    this.outbound = outbound;
    this.answers = answers;
    this.end = end;
  }

  /** {@return whether a request was refused: whatever else arrives is dropped} */
  boolean isLingering() {
    return lingering;
  }

  /** A read or write that cannot be served. Version 1 is told by a reset, having no other word. */
  void range(boolean version2, String what, long address, long size, String why) {
    String text = "a %s of %d bytes at 0x%x, %s".formatted(what, size, address, why);
    if (isTlsHello(size)) {
      context.warn(channel, SPEAKS_TLS);
      end.run();
    } else if (version2) {
      request(text);
    } else {
      count(text);
      channel.config().setOption(ChannelOption.SO_LINGER, 0);
      end.run();
    }
  }

  /** The bytes of a request could not be copied to or from the device that they are on. */
  void copyFailed(StagedRequest request, Throwable why) {
    String what = request.isWrite() ? "write" : "read";
    String text =
        "whose copy failed: " + (why instanceof TransferException ? why.getMessage() : why);
    if (request.hasAnswered()) {
      // Its status has promised the rest.
      context.warn(channel, "a " + what + " " + text);
      end.run();
    } else if (request.isVector()) {
      request("a vectored %s of %d bytes, %s".formatted(what, request.size(), text));
    } else {
      range(request.isVersion2(), what, request.address(), request.size(), text);
    }
  }

  /** No request at all. */
  void unknown(int opcode, long size) {
    String what = "a request with the unknown opcode 0x%02x".formatted(opcode);
    if (isTlsHello(size)) {
      what = SPEAKS_TLS;
    } else if (opcode == (Frames.OPCODE_TOKEN | Frames.VERSION_2_BIT)) {
      what = PeerToken.NOT_WANTED;
    }
    context.warn(channel, what);
    end.run();
  }

  /** {@return whether a header is the beginning of a TLS handshake} No request is of terabytes. */
  static boolean isTlsHello(long size) {
    return (size & TLS_HELLO_BITS) == TLS_HELLO;
  }

  /** A vectored request that is beyond the limits. */
  void vector(long size, long ranges) {
    if (isTlsHello(size)) {
      context.warn(channel, SPEAKS_TLS);
      end.run();
    } else {
      request(
          "a vectored request for %d ranges of %d bytes, beyond the limits of %d and %d"
              .formatted(ranges, size, Frames.VECTOR_RANGES_LIMIT, Frames.VECTOR_BYTES_LIMIT));
    }
  }

  /** A vectored request with a range that cannot be served. */
  void rangeOf(VectorTable vector, int bad) {
    request(
        "a vectored %s whose range %d is one of %d bytes at 0x%x, %s"
            .formatted(
                vector.isWrite() ? "write" : "read",
                bad,
                vector.length(bad),
                vector.address(bad),
                admission.reason() != null
                    ? admission.why()
                    : "which is not wholly inside one registration or disagrees with the "
                        + vector.bytes()
                        + " bytes of all"));
  }

  /** A request of version 2. */
  void request(String what) {
    answers.status(Frames.STATUS_REJECTED);
    answered(what);
  }

  /** A header or table that is not as it was sent: what follows cannot be told apart. */
  void damaged(String what) {
    context.damaged(channel, what + "; the connection is closed");
    answers.damagedRequest(context.incarnation());
    linger();
  }

  /** Whoever means another engine than this one is told so, and nothing that follows is done. */
  void unlessMeant(long wanted) {
    long own = context.incarnation();
    if (wanted == own) {
      answers.meant(own);
      return;
    }
    answers.another(own);
    answered(
        "requests for engine %s, which is not this one (%s)"
            .formatted(Incarnations.text(wanted), Incarnations.text(own)));
  }

  /** {@return whether no further request is to begin, since the peer's certificate has ended} */
  boolean isExpired() {
    return expired;
  }

  /** If the peer's certificate has ended, what has begun is finished, and nothing else. */
  void expireIfOver(Instant now, boolean hasBegun) {
    if (!admission.isExpired(now)) {
      return;
    }
    expire();
    if (!hasBegun) {
      leave();
    }
  }

  private void expire() {
    if (!expired && !lingering) {
      expired = true;
      context
          .access()
          .audit()
          .refused(
              Audit.Reason.TLS_EXPIRED,
              Audit.Port.DATA,
              admission.peer(),
              "further requests on a data connection: its certificate ended at "
                  + admission.certificateEnd()
                  + "; it has to connect with a new one");
      var _ = channel.eventLoop().schedule(end, EXPIRED_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /** Nothing of a request is under way: the answers that are left go out, and then it ends. */
  void leave() {
    if (!lingering) {
      linger();
    }
  }

  /** The answer that refuses is in the stream: nothing more is listened to. */
  private void answered(String what) {
    count(what);
    linger();
  }

  private void linger() {
    lingering = true;
    outbound.flush();
    var _ = channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(new Leaving());
  }

  private void count(String what) {
    context
        .metrics()
        .happened(
            EngineEvent.Kind.REFUSED,
            Counter.INBOUND_REJECTED,
            SegmentDescriptor.TCP,
            channel.remoteAddress(),
            what);
    Audit.@Nullable Reason reason = admission.reason();
    if (reason != null) {
      context.access().audit().refused(reason, Audit.Port.DATA, admission.peer(), what);
    } else {
      context.warn(channel, what);
    }
  }

  /** For when the status frame, and the answers before it, have left. */
  private final class Leaving implements ChannelFutureListener {
    @Override
    public void operationComplete(ChannelFuture left) {
      var _ = ((DuplexChannel) channel).shutdownOutput();
      var _ = channel.eventLoop().schedule(end, LINGER_MILLIS, TimeUnit.MILLISECONDS);
    }
  }
}
