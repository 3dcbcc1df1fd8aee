// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.transferengine.cli.bench.FreePorts;
import io.transferengine.testkit.Needs;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.Golden;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.NotifyMessage;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The client against plain sockets, and against our daemon. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class HandshakeClientTest {
  private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
  private static final Duration LONG = Duration.ofSeconds(100);
  private static final Duration SHORT = Duration.ofMillis(600);
  private static final HandshakeClient CLIENT =
      new HandshakeClient(
          HandshakeClient.CONNECT_TIMEOUT_DEFAULT, FrameCodec.MAX_LENGTH_DEFAULT_BYTES);
  private static final SegmentDescriptor OWN =
      SegmentDescriptor.builder("127.0.0.1:16758", "tcp")
          .tcpDataPort(16492)
          .tcpProtoVersion(2)
          .timestamp("2026-11-22 10:22:35.102870")
          .buffers(List.of(new BufferDescriptor("127.0.0.1:16758", 4096, 1)))
          .build();

  @Test
  void fetchesTheDescriptorWithTheRecordedRequest() throws IOException {
    byte[] reply = Golden.bytes("p2p-tcp-v2/01-port15271-response.bin");
    try (var peer = new RawPeer.Listener(LOOPBACK, reply)) {
      SegmentDescriptor segment = CLIENT.fetchMetadata(at(peer), OWN, LONG);
      assertThat(segment.name()).isEqualTo("127.0.0.1:15271");
      assertThat(peer.requests)
          .containsExactly(Golden.bytes("p2p-tcp-v2/01-port15271-request.bin"));
    }
  }

  @Test
  void notifiesProbesAndConnectsWithTheRecordedFrames() throws IOException {
    try (var peer =
        new RawPeer.Listener(
            LOOPBACK,
            Golden.bytes("p2p-notify/02-port15699-response.bin"),
            Golden.bytes("p2p-notify/03-port15699-response.bin"),
            Golden.bytes("p2p-rdma/02-port15657-response.bin"))) {
      CLIENT.notify(at(peer), new NotifyMessage("layer-0", "done"), LONG);
      CLIENT.probe(at(peer), LONG);
      HandshakeDescriptor request =
          MetadataCodec.decodeHandshake(Golden.payload("p2p-rdma/02-port15657-request.bin"))
              .orElseThrow();
      HandshakeDescriptor reply = CLIENT.connect(at(peer), request, LONG).reply();
      assertThat(reply.qpNums()).containsExactly(17L, 18L);
      assertThat(peer.requests)
          .containsExactly(
              Golden.bytes("p2p-notify/02-port15699-request.bin"),
              Golden.bytes("p2p-notify/03-port15699-request.bin"),
              Golden.bytes("p2p-rdma/02-port15657-request.bin"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1", "localhost"})
  void speaksWithOurDaemon(String host) {
    RecordingHandler handler = new RecordingHandler();
    handler.descriptor = Optional.of(OWN);
    try (var daemon = new HandshakeDaemon(HandshakeDaemonOptions.DEFAULT.withPort(0), handler)) {
      HostPort peer = new HostPort(host, daemon.port());
      if (host.contains(":")) {
        Needs.ipv6Loopback();
      }
      assertThat(CLIENT.fetchMetadata(peer, OWN, LONG)).isEqualTo(OWN);
      CLIENT.probe(peer, LONG);
      CLIENT.notify(peer, new NotifyMessage("n", "m"), LONG);
      assertThat(handler.notifications).containsExactly(new NotifyMessage("n", "m"));
      HandshakeDescriptor reply =
          CLIENT
              .connect(peer, new HandshakeDescriptor("a@x", "b@y", List.of(1L), 0, ""), LONG)
              .reply();
      assertThat(reply.localNicPath()).isEqualTo("b@y");
      handler.failing = true;
      refused(() -> CLIENT.connect(peer, HandshakeDescriptor.EMPTY, LONG), peer, ErrorCode.METADATA)
          .withMessageContaining("told to fail");
      refused(
          () -> {
            CLIENT.notify(peer, new NotifyMessage("n", "m"), LONG);
            return "";
          },
          peer,
          ErrorCode.METADATA);
    }
  }

  @Test
  void asksAgainWhileThePeerIsStarting() throws IOException {
    byte[] nothing = RawPeer.frame(1, "null\n");
    byte[] reply = Golden.bytes("p2p-tcp-v2/01-port15271-response.bin");
    try (var peer = new RawPeer.Listener(LOOPBACK, nothing, nothing, nothing, reply)) {
      assertThat(CLIENT.fetchMetadata(at(peer), OWN, LONG).name()).isEqualTo("127.0.0.1:15271");
      assertThat(peer.requests).hasSize(4);
    }
    try (var peer = new RawPeer.Listener(LOOPBACK, nothing)) {
      refused(() -> CLIENT.fetchMetadata(at(peer), OWN, SHORT), at(peer), ErrorCode.METADATA)
          .withMessageContaining("still starting");
      assertThat(peer.requests).hasSizeGreaterThan(1);
    }
  }

  @Test
  void repliesThatAreNoneAreRefused() throws IOException {
    assertRefused(RawPeer.frame(3, "{}\n"), ErrorCode.SOCKET, "type PROBE");
    assertRefused(RawPeer.oldFrame("{}\n"), ErrorCode.SOCKET, "OLD_PROTOCOL");
    assertRefused(RawPeer.frame(0x55, "{}\n"), ErrorCode.SOCKET, "type 0x55");
    assertRefused(new byte[0], ErrorCode.SOCKET, "closed without");
    assertRefused(new byte[] {5, 0, 0}, ErrorCode.SOCKET, "closed inside");
    byte[] oversize = RawPeer.frame(1, "{}");
    RawPeer.putLength(oversize, 1L << 40);
    assertRefused(oversize, ErrorCode.SOCKET, "announces 1099511627776 bytes");
    assertRefused(RawPeer.frame(1, "{\"name\":"), ErrorCode.MALFORMED_JSON, "is not JSON");
    assertRefused(RawPeer.frame(1, "{\"name\":1}"), ErrorCode.MALFORMED_JSON, "\"name\" must be");
    assertRefused(RawPeer.frame(1, "{}"), ErrorCode.METADATA, "protocols []");
    assertRefused(
        RawPeer.frame(1, "{\"name\":\"a\",\"protocol\":\"nvlink\"}"), ErrorCode.METADATA, "nvlink");
    assertRefused(RawPeer.frame(1, "{\"protocol\":\"tcp\"}"), ErrorCode.METADATA, "name is empty");
    assertRefused(
        "HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.US_ASCII),
        ErrorCode.SOCKET,
        "announces");
  }

  private static void assertRefused(byte[] reply, ErrorCode code, String text) throws IOException {
    try (var peer = new RawPeer.Listener(LOOPBACK, reply)) {
      refused(() -> CLIENT.fetchMetadata(at(peer), OWN, LONG), at(peer), code)
          .withMessageContaining(text);
    }
  }

  @Test
  void anUntakenNotificationAndARefusedConnectionAreErrors() throws IOException {
    try (var peer =
        new RawPeer.Listener(
            LOOPBACK,
            RawPeer.frame(2, "null\n"),
            RawPeer.frame(0, "{\"reply_msg\":\"QP count\"}"))) {
      refused(
          () -> {
            CLIENT.notify(at(peer), new NotifyMessage("n", "m"), LONG);
            return "";
          },
          at(peer),
          ErrorCode.METADATA);
      refused(
              () -> CLIENT.connect(at(peer), HandshakeDescriptor.EMPTY, LONG),
              at(peer),
              ErrorCode.METADATA)
          .withMessageContaining("QP count");
    }
  }

  @Test
  void deadPortsAndUnknownHostsHaveTheirCodes() throws IOException {
    int port = FreePorts.next();
    HostPort dead = new HostPort("127.0.0.1", port);
    refused(() -> CLIENT.fetchMetadata(dead, OWN, LONG), dead, ErrorCode.SOCKET)
        .withMessageContaining("Nothing listens at 127.0.0.1:" + port);
    HostPort unknown = new HostPort("no.such.host.invalid", 1);
    refused(() -> CLIENT.fetchMetadata(unknown, OWN, LONG), unknown, ErrorCode.DNS)
        .withMessageContaining("no.such.host.invalid");
  }

  @Test
  void everyAddressOfAPeerIsTried() throws Exception {
    List<Socket> filling = new ArrayList<>();
    InetAddress dead = InetAddress.ofLiteral("127.0.0.3");
    InetAddress hole = InetAddress.ofLiteral("127.0.0.2");
    InetAddress alive = InetAddress.ofLiteral("127.0.0.1");
    try (ServerSocket answering = new ServerSocket(0, 8, alive);
        ServerSocket full = new ServerSocket(answering.getLocalPort(), 1, hole)) {
      fill(full, filling);
      HostPort peer = new HostPort("several", answering.getLocalPort());
      InetAddress[] addresses = {dead, hole, alive};
      long deadlineNanos = System.nanoTime() + Duration.ofSeconds(3).toNanos();
      try (SocketChannel channel = Connector.connect(peer, addresses, deadlineNanos)) {
        assertThat(channel.getRemoteAddress())
            .isEqualTo(new InetSocketAddress(alive, answering.getLocalPort()));
      }
    } finally {
      for (Socket socket : filling) {
        socket.close();
      }
    }
  }

  @Test
  void aBlackHoleEndsWithTheConnectTimeout() throws IOException {
    List<Socket> filling = new ArrayList<>();
    try (ServerSocket full = new ServerSocket(0, 1, LOOPBACK)) {
      HostPort peer = new HostPort("127.0.0.1", full.getLocalPort());
      fill(full, filling);
      HandshakeClient impatient = new HandshakeClient(SHORT, 1 << 20);
      refused(() -> impatient.fetchMetadata(peer, OWN, LONG), peer, ErrorCode.SOCKET)
          .withMessageContaining("connect time-out");
      refused(() -> CLIENT.fetchMetadata(peer, OWN, SHORT), peer, ErrorCode.SOCKET)
          .withMessageContaining("connect time-out");
    } finally {
      for (Socket socket : filling) {
        socket.close();
      }
    }
  }

  /** Connects until the listener, which accepts nobody, takes no more. */
  private static void fill(ServerSocket full, List<Socket> filling) throws IOException {
    for (int i = 0; i < 64; i++) {
      Socket socket = new Socket();
      filling.add(socket);
      try {
        socket.connect(full.getLocalSocketAddress(), 300);
      } catch (java.net.SocketTimeoutException e) {
        return;
      }
    }
    throw new AssertionError("the backlog never filled");
  }

  @Test
  void aPeerThatNeverAnswersEndsWithTheDeadline() throws IOException {
    try (ServerSocket silent = new ServerSocket(0, 8, LOOPBACK)) {
      HostPort peer = new HostPort("127.0.0.1", silent.getLocalPort());
      refused(() -> CLIENT.fetchMetadata(peer, OWN, SHORT), peer, ErrorCode.SOCKET)
          .withMessageContaining("in time");
      // 12 MB fill every kernel buffer: the write is what must end.
      NotifyMessage large = new NotifyMessage("n", "x".repeat(12_000_000));
      refused(
              () -> {
                CLIENT.notify(peer, large, SHORT);
                return "";
              },
              peer,
              ErrorCode.SOCKET)
          .withMessageContaining("in time");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anInterruptEndsTheCall(boolean virtual) throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 8, LOOPBACK)) {
      HostPort peer = new HostPort("127.0.0.1", silent.getLocalPort());
      FutureTask<Boolean> call =
          new FutureTask<>(
              () -> {
                refused(() -> CLIENT.fetchMetadata(peer, OWN, LONG), peer, ErrorCode.CANCELED)
                    .withMessageContaining("interrupted");
                return Thread.currentThread().isInterrupted();
              });
      Thread thread =
          virtual ? Thread.ofVirtual().start(call) : Thread.ofPlatform().daemon().start(call);
      Socket accepted = silent.accept();
      thread.interrupt();
      assertThat(call.get()).isTrue();
      accepted.close();
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    }
  }

  @Test
  void constructorChecksItsArguments() {
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> new HandshakeClient(Duration.ZERO, 1 << 20));
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> new HandshakeClient(LONG, 5));
  }

  private static HostPort at(RawPeer.Listener peer) {
    return new HostPort("127.0.0.1", peer.port());
  }

  private static ThrowableAssertAlternative<TransferException> refused(
      Callable<?> call, HostPort peer, ErrorCode code) {
    return assertThatExceptionOfType(TransferException.class)
        .isThrownBy(call::call)
        .matches(e -> e.code() == code, "code " + code)
        .matches(e -> e.peer().equals(Optional.of(peer.toString())))
        .withMessageStartingWith(peer + ": ");
  }
}
