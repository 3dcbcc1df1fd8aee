// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.access.PeerIdentity;
import io.transferengine.logging.Printable;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.NotifyMessage;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the handler for the reply to a request and encodes it. If the handler throws, the reply is
 * that of protocol section 5.2: {@code null}, or for Connection the exception's text in {@code
 * reply_msg}. Thread-safe.
 */
final class ReplyMaker {
  private static final Logger log = LoggerFactory.getLogger(ReplyMaker.class);

  /** Cuts the reason of a refusal: an exception's text may quote anything. */
  private static final int REASON_LENGTH_MAX = 1_000;

  /** Cuts a stranger's text in the log. */
  private static final int QUOTED_LENGTH_MAX = 200;

  private static final byte[] NULL = ascii("null\n");
  private static final byte[] ALIVE = ascii("{\"status\":\"success\"}\n");

  private final HandshakeHandler handler;
  private final WarnLimiter warnings;

  /**
   * Limits {@link #tcpOnly}: there is one warning for each engine, and none for further engines.
   */
  private static final int TCP_ONLY_WARNED_LIMIT = 256;

  private final Set<InetAddress> tcpOnly = new HashSet<>();

  /** Separate from the warnings that strangers cause, so that those cannot crowd this one out. */
  private final WarnLimiter sizeWarnings = new WarnLimiter(log);

  /**
   * The last descriptor and its reply. Many peers ask for the same long text at once, so it is
   * encoded and held once.
   */
  private @Nullable Encoded encoded;

  private record Encoded(SegmentDescriptor descriptor, Reply reply) {}

  /** The bytes of a frame, wrapped so that a record may hold them. */
  static final class Reply {
    final byte[] frame;

    Reply(MessageType type, byte[] payload) {
      frame = FrameCodec.encode(new HandshakeFrame(type, payload));
    }
  }

  ReplyMaker(HandshakeHandler handler, WarnLimiter warnings) {
    this.handler = handler;
    this.warnings = warnings;
  }

  /**
   * {@return the reply's frame}
   *
   * @throws TransferException if the request's payload does not fit its type
   */
  byte[] reply(HandshakeFrame request, PeerIdentity from) {
    return switch (request.type()) {
      // We do not need the payload of these two. It was checked as it came in.
      case METADATA -> {
        Reply reply = metadata();
        if (request.payload().length > 0) {
          warnOfTcpOnly(from.address());
        }
        yield reply.frame;
      }
      case PROBE -> new Reply(MessageType.PROBE, ALIVE).frame;
      case NOTIFY -> notification(from.address(), request.payload()).frame;
      case CONNECTION, OLD_PROTOCOL -> connection(from, request);
      case TOKEN -> throw new IllegalStateException("a token is no request");
    };
  }

  private Reply metadata() {
    Optional<SegmentDescriptor> descriptor;
    try {
      descriptor = handler.metadata();
      return descriptor.isEmpty()
          ? new Reply(MessageType.METADATA, NULL)
          : encode(descriptor.get());
    } catch (Throwable e) {
      warnings.warn("a handshake got no descriptor, because making it failed: " + e);
      return new Reply(MessageType.METADATA, NULL);
    }
  }

  /** A C++ engine knows one protocol for each segment, and ours is rdma here. */
  private void warnOfTcpOnly(InetAddress from) {
    Encoded last;
    synchronized (this) {
      last = encoded;
    }
    if (last == null || !last.descriptor().offers(SegmentDescriptor.RDMA)) {
      return;
    }
    synchronized (tcpOnly) {
      if (tcpOnly.size() >= TCP_ONLY_WARNED_LIMIT || !tcpOnly.add(from)) {
        return;
      }
    }
    log.warn(
        "A C++ engine without RDMA at {} asked for our segment, which it cannot use: it knows one"
            + " protocol for each segment, and ours is rdma. Open this engine with protocol tcp, or"
            + " let that engine use RDMA.",
        from.getHostAddress());
  }

  @SuppressWarnings("ReferenceEquality") // comparing 100,000 buffers would cost what it saves
  private synchronized Reply encode(SegmentDescriptor descriptor) {
    Encoded last = encoded;
    if (last != null && last.descriptor() == descriptor) {
      return last.reply();
    }
    Reply reply =
        new Reply(
            MessageType.METADATA, MetadataCodec.withNewline(MetadataCodec.encode(descriptor)));
    encoded = new Encoded(descriptor, reply);
    int lengthBytes = reply.frame.length - Long.BYTES;
    if (lengthBytes > FrameCodec.CPP_MAX_LENGTH_DEFAULT_BYTES) {
      sizeWarnings.warn(
          ("our descriptor has %d buffers and takes %d bytes, but C++ peers read only %d. Register"
                  + " fewer and larger ranges, raise MC_HANDSHAKE_MAX_LENGTH at the peers, or use a"
                  + " metadata server")
              .formatted(
                  descriptor.buffers().size(),
                  lengthBytes,
                  FrameCodec.CPP_MAX_LENGTH_DEFAULT_BYTES));
    }
    return reply;
  }

  private Reply notification(InetAddress from, byte[] json) {
    try {
      handler.notify(from, json);
    } catch (TransferException e) {
      if (e.code() == ErrorCode.MALFORMED_JSON) {
        throw e;
      }
      return notTaken(from, json, e);
    } catch (Throwable e) {
      return notTaken(from, json, e);
    }
    return new Reply(
        MessageType.NOTIFY, MetadataCodec.withNewline(MetadataCodec.encode(NotifyMessage.TAKEN)));
  }

  private Reply notTaken(InetAddress from, byte[] json, Throwable why) {
    String text = why instanceof TransferException ? why.getMessage() : why.toString();
    warnings.warn(
        "a notification of %d bytes from %s was not taken: %s"
            .formatted(json.length, from.getHostAddress(), text));
    return new Reply(MessageType.NOTIFY, NULL);
  }

  private byte[] connection(PeerIdentity from, HandshakeFrame request) {
    HandshakeDescriptor asked =
        MetadataCodec.decodeHandshake(request.payload()).orElse(HandshakeDescriptor.EMPTY);
    byte[] json;
    try {
      json = MetadataCodec.encode(handler.connection(from, asked));
    } catch (Throwable e) {
      warnings.warn(
          "the connection asked for by %s as %s was refused: %s"
              .formatted(
                  from,
                  Printable.of(asked.localNicPath(), QUOTED_LENGTH_MAX),
                  e instanceof TransferException ? e.getMessage() : e.toString()));
      json = MetadataCodec.encode(HandshakeDescriptor.rejection(reason(e)));
    }
    return new Reply(request.type(), MetadataCodec.withNewline(json)).frame;
  }

  /** A reason is never empty: that would mean success. */
  private static String reason(Throwable e) {
    String text =
        e.getMessage() == null || e.getMessage().isEmpty() ? e.toString() : e.getMessage();
    return text.substring(0, Math.min(text.length(), REASON_LENGTH_MAX));
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
