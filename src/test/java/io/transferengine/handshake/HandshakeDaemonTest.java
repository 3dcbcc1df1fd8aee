// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.transferengine.access.PeerIdentity;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.Counter;
import io.transferengine.net.AcceptLoop;
import io.transferengine.testkit.Needs;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.Golden;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.NotifyMessage;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** The daemon against plain sockets. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class HandshakeDaemonTest {
  private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
  private static final HandshakeDaemonOptions ANY_PORT = HandshakeDaemonOptions.DEFAULT.withPort(0);
  private static final String TAKEN = "{\"name\":\"\",\"notify_msg\":\"success\"}\n";

  /** Short ones, so that what waits for them ends soon; none is a bar that a test must meet. */
  private static final ServingLimits SHORT =
      new ServingLimits(
          Duration.ofMillis(400),
          Duration.ofMillis(1500),
          Duration.ofSeconds(60),
          Duration.ofMillis(1500),
          Duration.ofMillis(400));

  private final RecordingHandler handler = new RecordingHandler();
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
  }

  @Test
  void answersTheRecordedRequestsByteForByte() throws IOException {
    HandshakeDaemon daemon = start(ServingLimits.DEFAULT);
    for (String exchange : List.of("p2p-notify/01-port15699", "p2p-tcp-v2/01-port15271")) {
      byte[] expected = Golden.bytes(exchange + "-response.bin");
      handler.descriptor = MetadataCodec.decodeSegment(Golden.payload(exchange + "-response.bin"));
      assertThat(ask(daemon, Golden.bytes(exchange + "-request.bin"))).isEqualTo(expected);
    }
    for (String exchange : List.of("p2p-notify/02-port15699", "p2p-notify/03-port15699")) {
      assertThat(ask(daemon, Golden.bytes(exchange + "-request.bin")))
          .isEqualTo(Golden.bytes(exchange + "-response.bin"));
    }
    assertThat(handler.notifications).containsExactly(new NotifyMessage("layer-0", "done"));
    ask(daemon, Golden.bytes("p2p-rdma/03-port15657-request.bin"));
    assertThat(handler.connections.getFirst().qpNums()).containsExactly(17L, 18L);
    awaitAnswered(daemon, 5);
    assertThat(daemon.metrics().count(Counter.HANDSHAKES_REFUSED)).isZero();
  }

  @Test
  void withoutDescriptorOrWithFailingHandlerTheAnswerIsNull() throws IOException {
    HandshakeDaemon daemon = start(ServingLimits.DEFAULT);
    byte[] nothing = RawPeer.frame(1, "null\n");
    assertThat(ask(daemon, RawPeer.frame(1, "{}\n"))).isEqualTo(nothing);
    handler.failing = true;
    assertThat(ask(daemon, RawPeer.frame(1, "{}\n"))).isEqualTo(nothing);
    assertThat(ask(daemon, RawPeer.frame(2, "{\"name\":\"n\",\"notify_msg\":\"m\"}\n")))
        .isEqualTo(RawPeer.frame(2, "null\n"));
    assertThat(RawPeer.json(ask(daemon, RawPeer.frame(0, "{}\n"))))
        .contains("\"reply_msg\":\"told to fail\"");
  }

  @Test
  void answersAConnectionMessageInBothProtocols() throws IOException {
    HandshakeDaemon daemon = start(ServingLimits.DEFAULT);
    String request = "{\"local_nic_path\":\"a@x\",\"peer_nic_path\":\"b@y\",\"qp_num\":[1]}\n";
    String reply =
        "{\"local_gid\":\"gid\",\"local_lid\":0,\"local_nic_path\":\"b@y\",\"payload\":\"\","
            + "\"peer_nic_path\":\"a@x\",\"qp_num\":[7,4000000000],\"reply_msg\":\"\"}\n";
    assertThat(ask(daemon, RawPeer.frame(0, request))).isEqualTo(RawPeer.frame(0, reply));
    assertThat(ask(daemon, RawPeer.oldFrame(request))).isEqualTo(RawPeer.oldFrame(reply));
  }

  @Test
  void ignoresWhatTheSenderSaysOfItself() throws IOException {
    HandshakeDaemon daemon = start(ServingLimits.DEFAULT);
    String broken = "{\"name\":\"\",\"protocol\":\"tcp\",\"buffers\":[{\"addr\":0}]}";
    assertThat(ask(daemon, RawPeer.frame(1, broken))).isEqualTo(RawPeer.frame(1, "null\n"));
  }

  @Test
  void garbageIsClosedWithoutAReplyAndOthersAreServed() throws IOException {
    HandshakeDaemon daemon = start(SHORT);
    byte[] oversize = RawPeer.frame(1, "{}");
    RawPeer.putLength(oversize, FrameCodec.MAX_LENGTH_DEFAULT_BYTES + 1L);
    byte[] zero = new byte[8];
    byte[] cut = RawPeer.frame(0, "{\"local_nic_path\":");
    RawPeer.putLength(cut, 500);
    List<byte[]> bad =
        List.of(
            "GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII),
            oversize,
            zero,
            cut,
            RawPeer.frame(4, "{}"),
            RawPeer.frame(0x80, "{}"),
            RawPeer.frame(0xff, "{}"),
            RawPeer.frame(0, "{\"qp_num\":[-1]}"),
            RawPeer.frame(0, "{\"qp_num\":\"1\"}"),
            RawPeer.frame(0, "[".repeat(200_000)),
            RawPeer.frame(1, "{\"x\":".repeat(200_000)),
            RawPeer.frame(1, "no json"),
            RawPeer.frame(2, "{\"name\":{}}"),
            RawPeer.frame(2, ""),
            RawPeer.frame(3, "{"));
    for (byte[] request : bad) {
      assertThat(ask(daemon, request)).isEmpty();
    }
    assertAlive(daemon);
    assertThat(daemon.metrics().count(Counter.HANDSHAKES_REFUSED)).isEqualTo(bad.size());
  }

  @Test
  void aSilentAndASlowClientAreClosed() throws Exception {
    HandshakeDaemon daemon = start(SHORT);
    byte[] request = RawPeer.frame(2, "{\"name\":\"" + "x".repeat(200) + "\"}");
    try (Socket silent = new Socket(LOOPBACK, daemon.port());
        Socket slow = new Socket(LOOPBACK, daemon.port())) {
      Thread trickle =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      for (byte one : request) {
                        slow.getOutputStream().write(one);
                        Thread.sleep(50);
                      }
                    } catch (IOException | InterruptedException e) {
                      // Cut off, as it should be.
                    }
                  });
      assertAlive(daemon);
      assertThat(RawPeer.readToEnd(silent.getInputStream())).isEmpty();
      assertThat(RawPeer.readToEnd(slow.getInputStream())).isEmpty();
      trickle.join();
    }
    assertThat(handler.notifications).isEmpty();
    assertThat(daemon.metrics().count(Counter.HANDSHAKES_REFUSED)).isEqualTo(2);
  }

  @Test
  void aClientThatDoesNotTakeItsReplyIsClosed() throws Exception {
    HandshakeDaemon daemon = start(SHORT);
    handler.descriptor = Optional.of(largeDescriptor(150_000));
    try (Socket stuck = new Socket()) {
      stuck.setReceiveBufferSize(4_096);
      stuck.connect(new InetSocketAddress(LOOPBACK, daemon.port()));
      stuck.getOutputStream().write(RawPeer.frame(1, "{}"));
      await().until(() -> daemon.metrics().count(Counter.HANDSHAKES_REFUSED) == 1);
      assertAlive(daemon);
    }
  }

  @Test
  void aClientThatKeepsItsEndOpenIsClosed() throws Exception {
    HandshakeDaemon daemon = start(SHORT);
    try (Socket lingering = new Socket(LOOPBACK, daemon.port())) {
      lingering.getOutputStream().write(RawPeer.frame(3, "{}\n"));
      assertThat(RawPeer.readToEnd(lingering.getInputStream())).isNotEmpty();
      // Writing into the closed connection fails once its reset has come back.
      await()
          .until(
              () -> {
                try {
                  lingering.getOutputStream().write(0);
                  return false;
                } catch (IOException e) {
                  return true;
                }
              });
    }
  }

  @Test
  void twoHundredClientsAreServedBesideTwentySilentOnes() throws Exception {
    HandshakeDaemon daemon = start(ServingLimits.DEFAULT);
    handler.descriptor = Optional.of(largeDescriptor(100));
    byte[] expected =
        FrameCodec.encode(
            new HandshakeFrame(
                MessageType.METADATA,
                MetadataCodec.withNewline(MetadataCodec.encode(handler.descriptor.orElseThrow()))));
    List<Socket> silent = new ArrayList<>();
    try (var pool = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 20; i++) {
        silent.add(new Socket(LOOPBACK, daemon.port()));
      }
      CountDownLatch together = new CountDownLatch(1);
      List<Future<byte[]>> replies =
          IntStream.range(0, 200)
              .mapToObj(
                  i ->
                      pool.submit(
                          () -> {
                            together.await();
                            return ask(daemon, RawPeer.frame(1, "{}\n"));
                          }))
              .toList();
      together.countDown();
      for (Future<byte[]> reply : replies) {
        assertThat(reply.get()).isEqualTo(expected);
      }
      awaitAnswered(daemon, 200);
    } finally {
      for (Socket socket : silent) {
        socket.close();
      }
    }
    assertThat(daemon.metrics().count(Counter.HANDSHAKES_REFUSED)).isZero();
  }

  @Test
  void requestsTogetherHoldABoundedAmountOfMemory() throws Exception {
    HandshakeDaemon daemon =
        new HandshakeDaemon(ANY_PORT.withPayloadsLimitBytes(200_000), handler, SHORT);
    open.add(daemon);
    assertThat(ask(daemon, RawPeer.frame(2, "{\"name\":\"" + "x".repeat(200_000) + "\"}")))
        .isEmpty();
    assertThat(daemon.metrics().count(Counter.HANDSHAKES_OVER_BUDGET)).isOne();
    // What the first one held is free again.
    assertThat(ask(daemon, RawPeer.frame(2, "{\"name\":\"" + "x".repeat(90_000) + "\"}")))
        .isEqualTo(RawPeer.frame(2, TAKEN));
  }

  @Test
  void blockedHandlersDelayNobodyAndCloseEndsThem() throws Exception {
    CountDownLatch entered = new CountDownLatch(10);
    CountDownLatch interrupted = new CountDownLatch(10);
    RecordingHandler blocking =
        new RecordingHandler() {
          @Override
          public HandshakeDescriptor connection(PeerIdentity from, HandshakeDescriptor request) {
            entered.countDown();
            try {
              Thread.sleep(Duration.ofHours(1));
            } catch (InterruptedException e) {
              interrupted.countDown();
            }
            return HandshakeDescriptor.EMPTY;
          }
        };
    HandshakeDaemon daemon = new HandshakeDaemon(ANY_PORT, blocking);
    open.add(daemon);
    for (int i = 0; i < 10; i++) {
      Socket socket = new Socket(LOOPBACK, daemon.port());
      open.add(socket);
      socket.getOutputStream().write(RawPeer.frame(0, "{}"));
    }
    entered.await();
    assertAlive(daemon);
    daemon.close();
    daemon.close();
    interrupted.await();
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> new Socket(LOOPBACK, daemon.port()).close());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "::1"})
  void answersOverIpv6(String listenAddress) throws IOException {
    InetAddress six = Inet6Address.ofLiteral("::1");
    Needs.ipv6Loopback();
    HandshakeDaemon daemon =
        new HandshakeDaemon(ANY_PORT.withListenAddress(listenAddress), handler);
    open.add(daemon);
    assertThat(RawPeer.ask(six, daemon.port(), RawPeer.frame(3, "{}\n"))).isNotEmpty();
    if (listenAddress.isEmpty()) {
      InetAddress four = InetAddress.ofLiteral("127.0.0.1");
      assertThat(RawPeer.ask(four, daemon.port(), RawPeer.frame(3, "{}\n"))).isNotEmpty();
    }
  }

  @Test
  void takesAFreePortOfTheRangeOrSaysWhyNot() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, LOOPBACK)) {
      int port = taken.getLocalPort();
      HandshakeDaemonOptions local = ANY_PORT.withListenAddress("127.0.0.1");
      assertThatExceptionOfType(TransferException.class)
          .isThrownBy(() -> new HandshakeDaemon(local.withPort(port), handler))
          .matches(e -> e.code() == ErrorCode.SOCKET)
          .withMessageContaining("127.0.0.1")
          .withMessageContaining(Integer.toString(port));
      int low = Math.min(port, 65_000);
      HandshakeDaemon daemon = new HandshakeDaemon(local.withPorts(low, low + 50), handler);
      open.add(daemon);
      assertThat(daemon.port()).isBetween(low, low + 50).isNotEqualTo(port);
      assertAlive(daemon);
    }
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(
            () -> new HandshakeDaemon(ANY_PORT.withListenAddress("no.such.invalid"), handler))
        .matches(e -> e.code() == ErrorCode.INVALID_ARGUMENT)
        .withMessageContaining("no.such.invalid");
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> ANY_PORT.withPorts(1, 70_000));
  }

  @Test
  void acceptLoopOutlivesErrors() {
    AtomicInteger calls = new AtomicInteger();
    List<SocketChannel> admitted = new ArrayList<>();
    AcceptLoop loop =
        new AcceptLoop(
            "handshakes",
            () ->
                switch (calls.incrementAndGet()) {
                  case 1, 5 -> throw new IOException("Too many open files");
                  case 2 -> throw new OutOfMemoryError("unable to create native thread");
                  case 3 -> throw new IllegalStateException("a bug");
                  case 4 -> {
                    SocketChannel channel = SocketChannel.open();
                    open.add(channel);
                    yield channel;
                  }
                  default -> throw new ClosedChannelException();
                },
            admitted::add,
            new WarnLimiter(LoggerFactory.getLogger(HandshakeDaemonTest.class)));
    // What came out would end the whole run of tests, an OutOfMemoryError of the test's own.
    assertThatCode(loop::run).doesNotThrowAnyException();
    assertThat(calls).hasValue(6);
    assertThat(admitted).hasSize(1);
  }

  @Test
  void aDescriptorAboveOneMebibyteIsSentWhole() throws IOException {
    HandshakeDaemon daemon = start(ServingLimits.DEFAULT);
    SegmentDescriptor large = largeDescriptor(30_000);
    handler.descriptor = Optional.of(large);
    byte[] reply = ask(daemon, RawPeer.frame(1, "{}\n"));
    assertThat(reply).hasSizeGreaterThan(FrameCodec.CPP_MAX_LENGTH_DEFAULT_BYTES);
    assertThat(MetadataCodec.decodeSegment(RawPeer.json(reply).getBytes(StandardCharsets.UTF_8)))
        .contains(large);
  }

  private HandshakeDaemon start(ServingLimits limits) {
    HandshakeDaemon daemon = new HandshakeDaemon(ANY_PORT, handler, limits);
    open.add(daemon);
    return daemon;
  }

  private static SegmentDescriptor largeDescriptor(int bufferCount) {
    return SegmentDescriptor.builder("a:1", "tcp")
        .tcpDataPort(1)
        .tcpProtoVersion(2)
        .buffers(
            IntStream.range(0, bufferCount)
                .mapToObj(i -> new BufferDescriptor("a:1", 4_096L * (i + 1), 4_096))
                .toList())
        .build();
  }

  /** A client may see the end of its reply a moment before the reply is counted. */
  private static void awaitAnswered(HandshakeDaemon daemon, long count) {
    await().until(() -> daemon.metrics().count(Counter.HANDSHAKES_SERVED) == count);
  }

  private static void assertAlive(HandshakeDaemon daemon) throws IOException {
    assertThat(ask(daemon, RawPeer.frame(3, "{}\n")))
        .isEqualTo(RawPeer.frame(3, "{\"status\":\"success\"}\n"));
  }

  /** Sends bytes and reads what comes until the end. */
  private static byte[] ask(HandshakeDaemon daemon, byte[] request) throws IOException {
    return RawPeer.ask(LOOPBACK, daemon.port(), request);
  }
}
