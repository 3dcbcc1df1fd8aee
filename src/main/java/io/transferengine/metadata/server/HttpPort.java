// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.logging.WarnLimiter;
import io.transferengine.net.AcceptLoop;
import io.transferengine.net.ClientThreads;
import io.transferengine.net.KeepAlive;
import io.transferengine.net.Listener;
import io.transferengine.net.Place;
import io.transferengine.net.Places;
import io.transferengine.tls.ServerTls;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Accepts connections and serves each on a thread of its own. A client that is silent, slow or
 * hostile takes a place for some seconds and delays nobody. Thread-safe.
 */
final class HttpPort implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HttpPort.class);

  /**
   * How many connections the kernel holds until they are accepted; it may hold fewer
   * (net.core.somaxconn).
   */
  private static final int BACKLOG = 1024;

  private final Listener listener;
  private final HttpHandler handler;
  private final Optional<ServerTls> tls;
  private final Refusals refusals;
  private final RequestMemory memory;
  private final Places places;
  private final WarnLimiter warnings = new WarnLimiter(log);
  private final WarnLimiter crowded = new WarnLimiter(log);
  private final AcceptLoop accepting;
  private final ClientThreads clients;

  /**
   * Binds a port. Nobody is served before {@link #start}.
   *
   * @throws IOException if it cannot listen there
   */
  HttpPort(
      InetSocketAddress wanted,
      int connectionsLimit,
      HttpHandler handler,
      Optional<ServerTls> tls,
      Refusals refusals,
      RequestMemory memory)
      throws IOException {
    this.handler = handler;
    this.tls = tls;
    this.refusals = refusals;
    this.memory = memory;
    places = new Places(connectionsLimit, 0, Places.REST_MIN_NANOS);
    clients =
        new ClientThreads("te-metadata-client", places, (place, _) -> enter(place), this::serve);
    listener = Listener.bind(wanted, BACKLOG);
    accepting = new AcceptLoop("metadata clients", listener, clients::admit, warnings);
  }

  void start() {
    Thread _ =
        Thread.ofPlatform()
            .daemon()
            .name("te-metadata-server-" + listener.address().getPort())
            .start(accepting);
  }

  InetSocketAddress address() {
    return listener.address();
  }

  /** {@return the connections that are open} */
  int connections() {
    return clients.count();
  }

  private boolean enter(Place place) {
    Places.Entry entry = places.enter(place);
    if (!entry.full().isEmpty()) {
      refusals.crowded();
      crowded.warn(
          "A connection to the metadata server is closed%s: %s (the limit is %d, for one address %d)"
              .formatted(
                  entry.admitted() ? " to make room for another" : "",
                  entry.full(),
                  places.limit(),
                  places.limitPerAddress()));
    }
    return entry.admitted();
  }

  private void serve(SocketChannel channel, Place place) throws IOException {
    try {
      KeepAlive.set(channel);
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      new HttpConnection(channel, place, handler, tls, refusals, memory).serve();
    } catch (IOException e) {
      throw e;
    } catch (Throwable t) {
      // A bug of ours, or no memory. It must end only this connection.
      refusals.fault(t);
    }
  }

  /** Stops listening and ends all connections. Idempotent. */
  @Override
  public void close() {
    listener.close();
    accepting.stop();
    var _ = clients.stop();
  }
}
