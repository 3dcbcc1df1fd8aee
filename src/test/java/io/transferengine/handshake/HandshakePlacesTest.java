// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.access.PeerIdentity;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.KernelSockets;
import io.transferengine.transfer.HostPort;
import io.transferengine.wire.HandshakeDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who gets a place at the RPC port, and whose. */
@Timeout(60)
class HandshakePlacesTest {
  private static final String ONE = "127.0.0.1";
  private static final String TWO = "127.0.0.2";

  /** Nobody is closed for being slow. */
  private static final Duration LONG = Duration.ofSeconds(100);

  private static final ServingLimits PATIENT = new ServingLimits(LONG, LONG, LONG, LONG, LONG);

  private final CountDownLatch release = new CountDownLatch(1);
  private final List<AutoCloseable> open = new ArrayList<>();

  private final RecordingHandler blocking =
      new RecordingHandler() {
        @Override
        public HandshakeDescriptor connection(PeerIdentity from, HandshakeDescriptor request) {
          connections.add(request);
          try {
            release.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException("a request under way was cut off", e);
          }
          return HandshakeDescriptor.EMPTY;
        }
      };

  @AfterEach
  void close() throws Exception {
    release.countDown();
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  @Test
  void silentClientsFillTheLimitAndAnHonestOneIsServed() throws IOException {
    HandshakeDaemon daemon = start(8, 8);
    Socket first = connect(daemon, TWO);
    for (int i = 1; i < 8; i++) {
      connect(daemon, TWO);
    }
    awaitServed(daemon);
    assertThat(RawPeer.readToEnd(first.getInputStream())).isEmpty();
    assertThat(daemon.metrics().count(Counter.HANDSHAKES_EVICTED)).isOne();
  }

  @Test
  void oneAddressGetsNoMoreThanItsShare() throws IOException {
    HandshakeDaemon daemon = start(4, 0);
    List<Socket> busy = List.of(connect(daemon, TWO), connect(daemon, TWO));
    beginRequests(busy);
    // There are two places more, but not for this address, and its own are under way.
    assertThat(RawPeer.readToEnd(connect(daemon, TWO).getInputStream())).isEmpty();
    assertThat(daemon.metrics().count(Counter.HANDSHAKES_REFUSED)).isOne();
    assertServed(connect(daemon, ONE));
    assertThat(daemon.metrics().count(Counter.HANDSHAKES_EVICTED)).isZero();
  }

  @Test
  void requestsUnderWayKeepTheirPlaces() throws IOException {
    HandshakeDaemon daemon = start(2, 2);
    List<Socket> busy = List.of(connect(daemon, ONE), connect(daemon, ONE));
    beginRequests(busy);
    assertThat(RawPeer.readToEnd(connect(daemon, TWO).getInputStream())).isEmpty();
    assertThat(daemon.metrics().count(Counter.HANDSHAKES_REFUSED)).isOne();
    release.countDown();
    for (Socket each : busy) {
      assertThat(RawPeer.readFrame(each.getInputStream())).isNotEmpty();
    }
    // They are answered: whoever keeps a connection open gives way.
    awaitServed(daemon);
  }

  @Test
  void theKernelAsksSilentPeersWhetherTheyAreThere() throws Exception {
    HandshakeDaemon daemon = start(2, 2);
    Socket silent = connect(daemon, ONE);
    await().until(() -> KernelSockets.isKeptAlive(daemon.port(), silent.getLocalPort()));
    ServerSocket peer = new ServerSocket(0, 1, InetAddress.ofLiteral(ONE));
    open.add(peer);
    HandshakeClient client = new HandshakeClient(LONG, FrameCodec.MAX_LENGTH_DEFAULT_BYTES);
    open.add(client);
    HostPort there = new HostPort(ONE, peer.getLocalPort());
    Thread asking = Thread.ofVirtual().start(() -> client.probe(there, LONG));
    Socket accepted = peer.accept();
    open.add(accepted);
    await().until(() -> KernelSockets.isKeptAlive(accepted.getPort(), peer.getLocalPort()));
    accepted.getOutputStream().write(RawPeer.frame(3, "{\"status\":\"success\"}\n"));
    accepted.shutdownOutput();
    asking.join();
  }

  private HandshakeDaemon start(int limit, int perAddress) {
    HandshakeDaemonOptions options =
        HandshakeDaemonOptions.DEFAULT.withPort(0).withConnections(limit, perAddress);
    HandshakeDaemon daemon = new HandshakeDaemon(options, blocking, PATIENT);
    open.add(daemon);
    return daemon;
  }

  private Socket connect(HandshakeDaemon daemon, String from) throws IOException {
    Socket socket = new Socket();
    open.add(socket);
    socket.bind(new InetSocketAddress(from, 0));
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), daemon.port()));
    socket.setSoTimeout(30_000);
    return socket;
  }

  private void beginRequests(List<Socket> sockets) throws IOException {
    for (Socket each : sockets) {
      each.getOutputStream().write(RawPeer.frame(0, "{}"));
    }
    await().until(() -> blocking.connections.size() == sockets.size());
  }

  private static void awaitServed(HandshakeDaemon daemon) {
    await()
        .ignoreExceptions()
        .until(() -> RawPeer.ask(InetAddress.ofLiteral(ONE), daemon.port(), probe()).length > 0);
  }

  private static byte[] probe() {
    return RawPeer.frame(3, "{}\n");
  }

  private static void assertServed(Socket socket) throws IOException {
    socket.getOutputStream().write(probe());
    assertThat(RawPeer.readFrame(socket.getInputStream()))
        .isEqualTo(RawPeer.frame(3, "{\"status\":\"success\"}\n"));
  }
}
