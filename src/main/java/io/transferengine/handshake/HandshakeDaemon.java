// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.events.EngineEvent;
import io.transferengine.logging.LogKeys;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.AcceptLoop;
import io.transferengine.net.ByteBudget;
import io.transferengine.net.ClientThreads;
import io.transferengine.net.KeepAlive;
import io.transferengine.net.Listener;
import io.transferengine.net.Place;
import io.transferengine.net.Places;
import io.transferengine.tls.PeerTls;
import io.transferengine.tls.TokenExchange.Port;
import io.transferengine.tls.TokenRefusal;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers handshakes on the RPC port, in every metadata mode (protocol section 5.2). Thread-safe.
 *
 * <p>The C++ daemon serves one client at a time. This one gives each client a thread: a client that
 * is silent, slow or hostile takes one of {@code TE_MAX_INBOUND_HANDSHAKES} places for some seconds
 * and delays nobody. A connection without a valid request is closed without a reply and counted.
 * Such connections are named in one warning a second at most.
 */
public final class HandshakeDaemon implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HandshakeDaemon.class);

  /** Every other step ends at once if its socket is closed. A handler may take a moment longer. */
  private static final long CLOSE_WAIT_MILLIS = 1_000;

  private final Listener listener;
  private final int port;
  private final int maxFrameLengthBytes;
  private final ServingLimits limits;
  private final WarnLimiter warnings = new WarnLimiter(log);
  private final WarnLimiter crowded = new WarnLimiter(log);
  private final WarnLimiter faults = new WarnLimiter(log);
  private final ReplyMaker replies;
  private final Places places;
  private final AcceptLoop accepting;
  private final Thread acceptor;
  private final ClientThreads clients;
  private final ByteBudget payloads;
  private final PeerTls tls;
  private final EngineMetrics metrics;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * Binds a port and starts to answer.
   *
   * @throws TransferException SOCKET if no port could be bound; INVALID_ARGUMENT if the listen
   *     address is unknown
   */
  public HandshakeDaemon(HandshakeDaemonOptions options, HandshakeHandler handler) {
    this(options, handler, PeerTls.off());
  }

  /**
   * As above, with TLS.
   *
   * @param tls who has to speak it
   */
  public HandshakeDaemon(HandshakeDaemonOptions options, HandshakeHandler handler, PeerTls tls) {
    this(options, handler, tls, ServingLimits.DEFAULT);
  }

  /**
   * As above, for an engine.
   *
   * @param metrics where it counts
   */
  public HandshakeDaemon(
      HandshakeDaemonOptions options,
      HandshakeHandler handler,
      PeerTls tls,
      EngineMetrics metrics) {
    this(options, handler, tls, ServingLimits.DEFAULT, metrics);
  }

  HandshakeDaemon(HandshakeDaemonOptions options, HandshakeHandler handler, ServingLimits limits) {
    this(options, handler, PeerTls.off(), limits);
  }

  HandshakeDaemon(
      HandshakeDaemonOptions options, HandshakeHandler handler, PeerTls tls, ServingLimits limits) {
    this(options, handler, tls, limits, new EngineMetrics());
  }

  private HandshakeDaemon(
      HandshakeDaemonOptions options,
      HandshakeHandler handler,
      PeerTls tls,
      ServingLimits limits,
      EngineMetrics metrics) {
    this.metrics = metrics;
    this.tls = tls;
    this.limits = limits;
    this.maxFrameLengthBytes = options.maxFrameLengthBytes();
    this.replies = new ReplyMaker(handler, warnings);
    this.payloads =
        new ByteBudget(
            HandshakeDaemonOptions.PAYLOADS_LIMIT_NAME,
            options.payloadsLimitBytes(),
            "half of " + HandshakeDaemonOptions.PAYLOADS_LIMIT_NAME,
            options.payloadsLimitBytes() / 2);
    this.places = new Places(options.connectionsLimit(), options.connectionsPerAddressLimit(), 0);
    this.clients = new ClientThreads("te-handshake-client", places, this::enter, this::serve);
    this.listener = PortBinder.bind(options);
    try {
      this.port = listener.address().getPort();
      this.accepting = new AcceptLoop("handshakes", listener, clients::admit, warnings);
      this.acceptor = Thread.ofPlatform().daemon().name("te-handshake-" + port).start(accepting);
    } catch (Throwable t) {
      listener.close();
      throw t;
    }
  }

  /** {@return the port that it listens on} */
  public int port() {
    return port;
  }

  /** {@return the address that it listens at} */
  public InetSocketAddress localAddress() {
    return listener.address();
  }

  /** {@return where it counts} For tests. */
  EngineMetrics metrics() {
    return metrics;
  }

  private boolean enter(Place place, SocketChannel channel) {
    Places.Entry entry = places.enter(place);
    if (!entry.admitted()) {
      isRefused(channel, entry.full());
      crowded.warn(
          "handshake of %s refused: %s (TE_MAX_INBOUND_HANDSHAKES %d, for one address %d)"
              .formatted(nameOf(channel), entry.full(), places.limit(), places.limitPerAddress()));
    } else if (entry.evicted().isPresent()) {
      limitReached(Counter.HANDSHAKES_EVICTED, channel, entry.full());
      crowded.warn(
          "a handshake connection without a request makes room for %s: %s"
              .formatted(nameOf(channel), entry.full()));
    }
    return entry.admitted();
  }

  private void serve(SocketChannel channel, Place place) {
    ServerConnection connection =
        new ServerConnection(channel, place, maxFrameLengthBytes, limits, replies, payloads, tls);
    try {
      // Before the answer: for what comes behind it there may be no memory.
      Named client = new Named(channel);
      KeepAlive.set(channel);
      connection.serve();
      metrics.happened(EngineEvent.Kind.HANDSHAKE_SERVED, Counter.HANDSHAKES_SERVED, client, "");
      connection.awaitClose();
    } catch (TlsRefusal e) {
      if (!closed.get() && !place.isGivenAway()) {
        isRefused(channel, e);
        tls.refused(nameOf(channel), Audit.Port.RPC, String.valueOf(e.getMessage()));
      }
    } catch (TokenRefusal e) {
      if (!closed.get() && !place.isGivenAway()) {
        isRefused(channel, e);
        tls.token().refused(nameOf(channel), Port.RPC, String.valueOf(e.getMessage()));
      }
    } catch (IOException e) {
      if (!closed.get() && !place.isGivenAway() && !ServerConnection.isSilentLeave(e)) {
        fail(channel, e);
      }
    } catch (TransferException e) {
      if (e.code() == ErrorCode.TOO_MANY_REQUESTS) {
        limitReached(Counter.HANDSHAKES_OVER_BUDGET, channel, String.valueOf(e.getMessage()));
      }
      fail(channel, e);
    } catch (Throwable t) {
      // A bug of ours, or no memory. It must end only this handshake.
      faults.fault("A handshake failed", t);
      isRefused(channel, t);
    }
  }

  /** Asked for its text only if somebody listens. */
  private record Named(SocketChannel channel) {
    @Override
    public String toString() {
      return nameOf(channel);
    }
  }

  private void isRefused(SocketChannel channel, Object why) {
    metrics.happened(EngineEvent.Kind.REFUSED, Counter.HANDSHAKES_REFUSED, new Named(channel), why);
  }

  private void limitReached(Counter counter, SocketChannel channel, String why) {
    metrics.happened(EngineEvent.Kind.LIMIT_REACHED, counter, new Named(channel), why);
  }

  private void fail(SocketChannel channel, Exception cause) {
    isRefused(channel, cause);
    String text = cause.getMessage() == null ? cause.toString() : cause.getMessage();
    String peer = nameOf(channel);
    warnings.warn(
        "handshake of " + peer + " ended without a reply: " + text, LogKeys.peer(peer).cause(text));
  }

  private static String nameOf(SocketChannel channel) {
    var address = (InetSocketAddress) channel.socket().getRemoteSocketAddress();
    return address == null ? "a client" : address.getHostString() + ":" + address.getPort();
  }

  /**
   * Stops listening and ends every connection. Returns when all connections have ended, or after
   * about a second if a handler does not return. Idempotent.
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    try {
      listener.close();
    } finally {
      accepting.stop();
    }
    List<Thread> serving = clients.stop();
    try {
      // It may be handing over one that it has just accepted.
      acceptor.join(CLOSE_WAIT_MILLIS);
      if (!haveEnded(serving)) {
        log.warn("a handshake handler did not return within {} ms of close", CLOSE_WAIT_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean haveEnded(List<Thread> serving) throws InterruptedException {
    long deadlineNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(CLOSE_WAIT_MILLIS);
    for (Thread thread : serving) {
      Duration left = Duration.ofNanos(Math.max(1, deadlineNanos - System.nanoTime()));
      if (!thread.join(left)) {
        return false;
      }
    }
    return true;
  }
}
