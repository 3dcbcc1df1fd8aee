// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.access.PeerIdentity;
import io.transferengine.events.EngineEvent;
import io.transferengine.logging.Printable;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.Watchdog;
import io.transferengine.tls.PeerTls;
import io.transferengine.tls.PeerToken;
import io.transferengine.tls.TokenRefusal;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.ForeignProtocols;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.NotifyMessage;
import io.transferengine.wire.SegmentDescriptor;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import javax.net.ssl.SSLException;
import org.slf4j.LoggerFactory;

/**
 * Sends requests to a peer's handshake daemon (protocol section 5.2). A call runs on the caller's
 * thread. It has its own connection, which it closes as soon as the reply is read, because C++
 * listeners serve one client at a time. Thread-safe. Nothing is held between calls, so {@link
 * #close} only ends calls under way.
 *
 * <p>A call ends within the time given to it. An interrupt of its thread ends it at once, and the
 * interrupt flag stays set. Every failure is a {@link TransferException} that names the peer: DNS
 * if its name does not resolve; SOCKET if the connection cannot be made, breaks, or carries a reply
 * of another type; MALFORMED_JSON or METADATA if the reply's content is invalid.
 */
public final class HandshakeClient implements AutoCloseable {
  /** The C++ engine's {@code MC_HANDSHAKE_CONNECT_TIMEOUT}. */
  public static final Duration CONNECT_TIMEOUT_DEFAULT = Duration.ofSeconds(5);

  /** The longest wait for the next byte of a reply, as in C++. */
  public static final Duration READ_TIMEOUT = Duration.ofSeconds(60);

  /** Longer than any useful time-out, and far below an overflow of nanoseconds. */
  private static final Duration TIMEOUT_MAX = Duration.ofDays(1);

  /**
   * The first wait after a {@code null}: a C++ peer usually installs its transports within
   * milliseconds of listening.
   */
  private static final long BACK_OFF_MIN_MILLIS = 20;

  /**
   * The longest wait: a C++ peer that registers much memory takes seconds, and then one request a
   * second is enough.
   */
  private static final long BACK_OFF_MAX_MILLIS = 1_000;

  /**
   * The time to connect once more after a Probe without a reply has used its time up. If the peer
   * listens, its kernel accepts at once.
   */
  private static final Duration ACCEPT_MIN = Duration.ofMillis(500);

  /** Cuts the reason that a peer gives. */
  private static final int QUOTED_LENGTH_MAX = 1_000;

  private static final byte[] PROBE = "{}\n".getBytes(StandardCharsets.US_ASCII);

  private final Duration connectTimeout;
  private final int maxFrameLengthBytes;
  private final PeerTls tls;
  private final EngineMetrics metrics;

  /** Whoever runs the engine has to hear of it, also if a caller passes the exception over. */
  private final WarnLimiter otherMode =
      new WarnLimiter(LoggerFactory.getLogger(HandshakeClient.class));

  /** The connections of the calls under way, which {@link #close} ends. */
  private final Set<SocketChannel> conversations = ConcurrentHashMap.newKeySet();

  private volatile boolean closed;

  /**
   * @param connectTimeout bounds name resolution and connecting, all of the peer's addresses
   *     together
   * @param maxFrameLengthBytes the longest reply that is read
   */
  public HandshakeClient(Duration connectTimeout, int maxFrameLengthBytes) {
    this(connectTimeout, maxFrameLengthBytes, PeerTls.off());
  }

  /**
   * As above, with TLS.
   *
   * @param tls who is spoken to over it, and with a token; both count to connecting
   */
  public HandshakeClient(Duration connectTimeout, int maxFrameLengthBytes, PeerTls tls) {
    this(connectTimeout, maxFrameLengthBytes, tls, new EngineMetrics());
  }

  /**
   * As above, for an engine.
   *
   * @param metrics where it counts
   */
  public HandshakeClient(
      Duration connectTimeout, int maxFrameLengthBytes, PeerTls tls, EngineMetrics metrics) {
    this.tls = tls;
    this.metrics = metrics;
    FrameCodec.requireMaxLength(maxFrameLengthBytes);
    if (!connectTimeout.isPositive()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "the connect time-out " + connectTimeout + " is not positive",
          "Give a time such as 5 s");
    }
    this.connectTimeout = atMost(connectTimeout, TIMEOUT_MAX);
    this.maxFrameLengthBytes = maxFrameLengthBytes;
  }

  /**
   * Asks for a peer's descriptor. If the peer answers {@code null}, because it is still starting,
   * it is asked again.
   *
   * @param own our descriptor, sent without its buffers
   * @return a descriptor with a protocol that we speak
   * @throws TransferException also METADATA if the peer still answers {@code null} at the end of
   *     {@code timeout}, or offers no protocol that we speak
   */
  public SegmentDescriptor fetchMetadata(HostPort peer, SegmentDescriptor own, Duration timeout) {
    return ask(peer, own, timeout).descriptor();
  }

  /**
   * A peer's descriptor.
   *
   * @param from the peer's address that answered
   */
  public record Described(SegmentDescriptor descriptor, InetAddress from) {}

  /** As {@link #fetchMetadata}; also returns the address that answered. */
  public Described ask(HostPort peer, SegmentDescriptor own, Duration timeout) {
    long deadlineNanos = deadlineNanos(timeout);
    byte[] request = MetadataCodec.withNewline(MetadataCodec.encode(own.withBuffers(List.of())));
    long backOffMillis = BACK_OFF_MIN_MILLIS;
    while (true) {
      Reply reply = converse(peer, MessageType.METADATA, request, deadlineNanos);
      Optional<SegmentDescriptor> descriptor =
          decode(peer, reply.frame.payload(), MetadataCodec::decodeSegment);
      if (descriptor.isPresent()) {
        ForeignProtocols.requireShared(peer.toString(), "", descriptor.get());
        return new Described(descriptor.get(), reply.from.address());
      }
      if (Connector.millisUntil(deadlineNanos) <= backOffMillis) {
        throw TransferException.withPeer(
            peer.toString(),
            ErrorCode.METADATA,
            "it answers, but has no descriptor to give",
            "It is still starting, or its descriptor is on a metadata server: then open it through"
                + " that server",
            null);
      }
      sleep(peer, backOffMillis);
      backOffMillis = Math.min(BACK_OFF_MAX_MILLIS, backOffMillis * 2);
    }
  }

  /**
   * Sends a notification. Its trace context is left out if a C++ peer would not read a frame of
   * that length, but would without.
   *
   * @throws TransferException also METADATA if the peer did not take it
   */
  public void notify(HostPort peer, NotifyMessage message, Duration timeout) {
    byte[] request = MetadataCodec.withNewline(MetadataCodec.encode(message));
    // The type of the message counts, too.
    if (message.traceParent().isPresent()
        && 1 + request.length > FrameCodec.CPP_MAX_LENGTH_DEFAULT_BYTES) {
      request = MetadataCodec.withNewline(MetadataCodec.encode(message.withoutTrace()));
    }
    byte[] reply = exchange(peer, MessageType.NOTIFY, request, deadlineNanos(timeout));
    if (decode(peer, reply, MetadataCodec::decodeNotify).message().isEmpty()) {
      throw TransferException.withPeer(
          peer.toString(),
          ErrorCode.METADATA,
          "it did not take the notification \"" + message.name() + "\"",
          "Its log says why",
          null);
    }
  }

  /** Returns if the peer gave a sign of life; else throws. */
  public void probe(HostPort peer, Duration timeout) {
    byte[] reply = exchange(peer, MessageType.PROBE, PROBE, deadlineNanos(timeout));
    decode(
        peer,
        reply,
        json -> {
          MetadataCodec.requireWellFormed(json);
          return true;
        });
  }

  /**
   * {@return whether something listens at an address, and the descriptor that it gives} It is asked
   * once.
   *
   * <p>Peers that do not know Probe close the connection. So a connection that could be made is a
   * sign of life as well (protocol section 5.1). The descriptor is empty if the listener gives
   * none, as C++ engines with a metadata service do, and programs that are not engines.
   *
   * @param own our descriptor, sent without its buffers
   */
  public Presence look(HostPort peer, SegmentDescriptor own, Duration timeout) {
    long deadlineNanos = deadlineNanos(timeout);
    try {
      byte[] _ = exchange(peer, MessageType.PROBE, PROBE, deadlineNanos);
    } catch (TransferException e) {
      return new Presence(accepts(peer, deadlineNanos), Optional.empty());
    }
    try {
      byte[] request = MetadataCodec.withNewline(MetadataCodec.encode(own.withBuffers(List.of())));
      byte[] reply = exchange(peer, MessageType.METADATA, request, deadlineNanos);
      return new Presence(true, MetadataCodec.decodeSegment(reply));
    } catch (TransferException e) {
      return new Presence(true, Optional.empty());
    }
  }

  /** The result of {@link #look}. */
  public record Presence(boolean listens, Optional<SegmentDescriptor> descriptor) {}

  private boolean accepts(HostPort peer, long deadlineNanos) {
    long leftNanos = Math.min(connectTimeout.toNanos(), deadlineNanos - System.nanoTime());
    long enoughNanos = Math.max(leftNanos, ACCEPT_MIN.toNanos());
    try (SocketChannel _ = Connector.connect(peer, System.nanoTime() + enoughNanos)) {
      return true;
    } catch (TransferException | IOException e) {
      return false;
    }
  }

  /**
   * A peer's reply to a Connection message.
   *
   * @param from who gave it, with what it has proved on that connection
   */
  public record Connected(HandshakeDescriptor reply, PeerIdentity from) {}

  /**
   * Sends a Connection message.
   *
   * @return the reply, whose members may be empty (protocol section 5.4 step 4, and peers without
   *     RDMA)
   * @throws TransferException also METADATA if the reply refuses; the text contains its {@code
   *     reply_msg}
   */
  public Connected connect(HostPort peer, HandshakeDescriptor request, Duration timeout) {
    byte[] json = MetadataCodec.withNewline(MetadataCodec.encode(request));
    Reply reply = converse(peer, MessageType.CONNECTION, json, deadlineNanos(timeout));
    Optional<HandshakeDescriptor> descriptor =
        decode(peer, reply.frame.payload(), MetadataCodec::decodeHandshake);
    if (descriptor.isEmpty() || !descriptor.get().replyMessage().isEmpty()) {
      throw TransferException.withPeer(
          peer.toString(),
          ErrorCode.METADATA,
          "it refused to connect "
              + request.peerNicPath()
              + ": "
              + Printable.of(
                  descriptor.map(HandshakeDescriptor::replyMessage).orElse("without a reason"),
                  QUOTED_LENGTH_MAX),
          "Its log says more",
          null);
    }
    return new Connected(descriptor.get(), reply.from);
  }

  /** Ends all calls under way: each throws. No further call can begin. Idempotent. */
  @Override
  public void close() {
    closed = true;
    for (SocketChannel channel : conversations) {
      Watchdog.closeQuietly(channel);
    }
  }

  private static long deadlineNanos(Duration timeout) {
    return System.nanoTime() + Math.max(0, atMost(timeout, TIMEOUT_MAX).toNanos());
  }

  private static Duration atMost(Duration time, Duration max) {
    return time.compareTo(max) > 0 ? max : time;
  }

  private static void sleep(HostPort peer, long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Connector.interrupted(peer, e);
    }
  }

  /** Decodes a reply. If that fails, the exception names the peer. */
  private static <T> T decode(HostPort peer, byte[] json, Function<byte[], T> decoder) {
    try {
      return decoder.apply(json);
    } catch (TransferException e) {
      throw ofPeer(peer, e);
    }
  }

  private static TransferException ofPeer(HostPort peer, TransferException e) {
    String text = String.valueOf(e.getMessage());
    String remedy = e.remedy();
    String message =
        !remedy.isEmpty() && text.endsWith(". " + remedy)
            ? text.substring(0, text.length() - remedy.length() - 2)
            : text;
    return TransferException.withPeer(peer.toString(), e.code(), message, remedy, e);
  }

  /** Sends one request and reads its reply, of the same type, on one connection. */
  private byte[] exchange(HostPort peer, MessageType type, byte[] payload, long deadlineNanos) {
    return converse(peer, type, payload, deadlineNanos).frame.payload();
  }

  private record Reply(HandshakeFrame frame, PeerIdentity from) {}

  /** As below; also counted. */
  private Reply converse(HostPort peer, MessageType type, byte[] payload, long deadlineNanos) {
    long beganNanos = System.nanoTime();
    try {
      Reply reply = converseUncounted(peer, type, payload, deadlineNanos);
      tell(EngineEvent.Kind.HANDSHAKE_MADE, Counter.HANDSHAKES_MADE, peer, type, beganNanos);
      return reply;
    } catch (TransferException e) {
      tell(EngineEvent.Kind.HANDSHAKE_FAILED, Counter.HANDSHAKES_FAILED, peer, e, beganNanos);
      throw e;
    }
  }

  private void tell(
      EngineEvent.Kind kind, Counter counter, HostPort peer, Object what, long beganNanos) {
    metrics.happened(kind, counter, peer, what, System.nanoTime() - beganNanos);
  }

  private Reply converseUncounted(
      HostPort peer, MessageType type, byte[] payload, long deadlineNanos) {
    long leftNanos = Math.min(connectTimeout.toNanos(), deadlineNanos - System.nanoTime());
    long connectDeadlineNanos = System.nanoTime() + leftNanos;
    Reply reply;
    if (closed) {
      throw broken(peer, type, new ClosedChannelException(), deadlineNanos);
    }
    try (SocketChannel channel = Connector.connect(peer, connectDeadlineNanos)) {
      reply =
          converseUntilClosed(
              channel,
              peer,
              new HandshakeFrame(type, payload),
              connectDeadlineNanos,
              deadlineNanos);
    } catch (TransferException e) {
      TransferException named = e.peer().isPresent() ? e : ofPeer(peer, e);
      if (FrameCodec.isOfTls(e)) {
        otherMode.warn(String.valueOf(named.getMessage()));
      }
      throw named;
    } catch (IOException e) {
      throw broken(peer, type, e, deadlineNanos);
    }
    MessageType answered = reply.frame.type();
    if (answered == MessageType.TOKEN) {
      otherMode.warn("Peer " + peer + ": " + PeerToken.WANTED_THERE);
      throw TransferException.withPeer(
          peer.toString(),
          ErrorCode.SOCKET,
          PeerToken.WANTED_THERE,
          "Set it, with a line of the file there, or list this engine's address in the peer's"
              + " TE_TLS_PLAIN_PEERS",
          null);
    }
    if (answered != type) {
      throw TransferException.withPeer(
          peer.toString(),
          ErrorCode.SOCKET,
          "it answered a handshake message of type " + type + " with one of type " + answered,
          "The program that listens there is not a transfer engine",
          null);
    }
    return reply;
  }

  private Reply converseUntilClosed(
      SocketChannel channel,
      HostPort peer,
      HandshakeFrame request,
      long connectDeadlineNanos,
      long deadlineNanos)
      throws IOException {
    conversations.add(channel);
    try {
      if (closed) {
        throw new ClosedChannelException();
      }
      Link link = secured(channel, peer, connectDeadlineNanos);
      return new Reply(converse(channel, link, peer, request, deadlineNanos), link.peer());
    } finally {
      conversations.remove(channel);
    }
  }

  private Link secured(SocketChannel channel, HostPort peer, long deadlineNanos)
      throws IOException {
    Link link;
    try {
      link = Link.connected(channel, tls, peer, deadlineNanos);
    } catch (IOException e) {
      throw isEnding() ? e : new TlsRefusal(tls.gaveUp(peer.toString(), e), e);
    }
    PeerToken token = tls.token();
    if (token.isFor(channel.socket().getInetAddress())) {
      try {
        TokenLink.connect(link, token, deadlineNanos);
      } catch (IOException e) {
        throw isEnding() ? e : unproved(link, peer, e);
      }
    }
    return link;
  }

  private IOException unproved(Link link, HostPort peer, IOException cause) {
    if (link.isSecure() && cause instanceof SSLException) {
      // The peer's word on our certificate comes only now.
      return new TlsRefusal(tls.gaveUp(peer.toString(), PeerTls.afterHandshake(cause)), cause);
    }
    return new TokenRefusal(tls.token().gaveUp(peer.toString(), cause), cause);
  }

  private boolean isEnding() {
    return closed || Thread.currentThread().isInterrupted();
  }

  private HandshakeFrame converse(
      SocketChannel channel, Link link, HostPort peer, HandshakeFrame request, long deadlineNanos)
      throws IOException {
    try {
      return converse(channel, link, request, deadlineNanos);
    } catch (SSLException | EOFException e) {
      // The peer's word on our certificate comes only when our side of the handshake has ended.
      boolean refusal = e instanceof SSLException || FrameCodec.NOTHING_SENT.equals(e.getMessage());
      if (!link.isSecure() || !refusal || isEnding()) {
        throw e;
      }
      throw new TlsRefusal(tls.gaveUp(peer.toString(), PeerTls.afterHandshake(e)), e);
    }
  }

  private HandshakeFrame converse(
      SocketChannel channel, Link link, HandshakeFrame request, long deadlineNanos)
      throws IOException {
    Duration left = Duration.ofNanos(deadlineNanos - System.nanoTime());
    try (var _ = Watchdog.closeAfter(left, channel)) {
      link.write(FrameCodec.encode(request));
    }
    TimedInput in = new TimedInput(link.socket(), READ_TIMEOUT, deadlineNanos);
    return FrameCodec.read(in, maxFrameLengthBytes);
  }

  private TransferException broken(
      HostPort peer, MessageType type, IOException cause, long deadlineNanos) {
    if (closed) {
      return TransferException.withPeer(
          peer.toString(),
          ErrorCode.CLOSED,
          "the engine was closed during a request to the peer",
          "",
          cause);
    }
    if (Thread.currentThread().isInterrupted()) {
      return Connector.interrupted(peer, cause);
    }
    if (cause instanceof TokenRefusal) {
      return TransferException.withPeer(
          peer.toString(), ErrorCode.SOCKET, String.valueOf(cause.getMessage()), "", cause);
    }
    if (cause instanceof TlsRefusal) {
      return TransferException.withPeer(
          peer.toString(),
          ErrorCode.SOCKET,
          "there is no TLS connection to it: " + cause.getMessage(),
          "",
          cause);
    }
    boolean late =
        cause instanceof SocketTimeoutException
            || (cause instanceof ClosedChannelException
                && Connector.millisUntil(deadlineNanos) <= 0);
    return TransferException.withPeer(
        peer.toString(),
        ErrorCode.SOCKET,
        late
            ? "no reply to a handshake message of type " + type + " in time"
            : "no reply to a handshake message of type " + type + ": " + cause.getMessage(),
        late
            ? "It may be stopped or overloaded; C++ peers serve one handshake at a time"
            : "It may have refused the message, or may not know it; its log says more",
        cause);
  }
}
