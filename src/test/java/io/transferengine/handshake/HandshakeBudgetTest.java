// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.sun.management.ThreadMXBean;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What requests of strangers cost us in memory. */
@Timeout(120)
class HandshakeBudgetTest {
  private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
  private static final int MIB = 1 << 20;

  private final RecordingHandler handler = new RecordingHandler();

  private static HandshakeFrame request(byte[] frame) throws IOException {
    return FrameCodec.readRequest(
        new ByteArrayInputStream(frame), FrameCodec.MAX_LENGTH_DEFAULT_BYTES, bytes -> {});
  }

  @Test
  void aMetadataRequestIsCheckedAsItComesAndNothingOfItIsKept() throws IOException {
    // As many as a descriptor may have: whoever decodes them keeps something of each.
    byte[] many = RawPeer.frame(1, "{\"buffers\":[" + "{},".repeat(999_000) + "{}]}\n");
    assertThat(request(many).payload()).isEmpty();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    HandshakeFrame frame = request(many);
    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
    assertThat(frame.type()).isEqualTo(MessageType.METADATA);
    assertThat(allocated).isLessThan(MIB);
  }

  @Test
  void whatIsNoJsonIsRefusedWhereverItIsNone() {
    for (String json :
        List.of(
            "", "garbage", "{\"a\":", "{]", "[1,", "\"" + "x".repeat(20_000), "[".repeat(100))) {
      assertThatThrownBy(() -> request(RawPeer.frame(1, json)))
          .as(json)
          .isInstanceOfSatisfying(
              TransferException.class,
              e -> assertThat(e.code()).isIn(ErrorCode.MALFORMED_JSON, ErrorCode.JSON_TOO_LARGE));
    }
    byte[] whole = RawPeer.frame(1, "{\"name\":\"a\"}\n");
    assertThatThrownBy(() -> request(Arrays.copyOf(whole, whole.length - 5)))
        .isInstanceOf(EOFException.class)
        .hasMessageContaining("inside a handshake frame");
  }

  @Test
  void textBehindTheValueIsReadToTheEndOfTheFrameAndPassedOver() throws IOException {
    byte[] frame = RawPeer.frame(3, "{} " + "x".repeat(100_000));
    ByteArrayInputStream in = new ByteArrayInputStream(Arrays.copyOf(frame, frame.length + 7));
    var _ = FrameCodec.readRequest(in, FrameCodec.MAX_LENGTH_DEFAULT_BYTES, bytes -> {});
    assertThat(in.available()).isEqualTo(7);
  }

  @Test
  void oneAddressCannotTakeTheRoomOfAnotherNorOfSmallRequests() throws Exception {
    try (LogCapture log = new LogCapture();
        HandshakeDaemon daemon =
            new HandshakeDaemon(
                HandshakeDaemonOptions.DEFAULT
                    .withPort(0)
                    .withListenAddress("127.0.0.1")
                    .withPayloadsLimitBytes(4 * MIB),
                handler)) {
      List<Socket> flood = new ArrayList<>();
      try {
        byte[] begun = RawPeer.frame(2, "{\"name\":\"" + "x".repeat(MIB - 64) + "\"}");
        for (int i = 0; i < 4; i++) {
          Socket socket = new Socket(LOOPBACK, daemon.port());
          flood.add(socket);
          try {
            socket.getOutputStream().write(begun, 0, begun.length - 8);
          } catch (IOException e) {
            // Refused already.
          }
        }
        await().until(() -> daemon.metrics().count(Counter.HANDSHAKES_OVER_BUDGET) > 0);
        assertThat(RawPeer.ask(LOOPBACK, daemon.port(), RawPeer.frame(3, "{}\n"))).isNotEmpty();
        byte[] large =
            RawPeer.frame(2, "{\"name\":\"n\",\"notify_msg\":\"" + "y".repeat(900_000) + "\"}");
        assertThat(askFrom("127.0.0.2", daemon.port(), large)).isNotEmpty();
        assertThat(handler.notifications).hasSize(1);
        assertThat(log.warnings())
            .anyMatch(line -> line.contains("TE_HANDSHAKE_PAYLOADS_LIMIT_BYTES"));
      } finally {
        for (Socket socket : flood) {
          socket.close();
        }
      }
    }
  }

  private static byte[] askFrom(String address, int port, byte[] request) throws IOException {
    try (Socket socket = new Socket(LOOPBACK, port, InetAddress.getByName(address), 0)) {
      socket.setSoTimeout(60_000);
      socket.getOutputStream().write(request);
      return RawPeer.readToEnd(socket.getInputStream());
    }
  }

  @Test
  void aNotificationOverALimitIsAnsweredAndItsLineNamesTheLimit() throws IOException {
    try (LogCapture log = new LogCapture();
        HandshakeDaemon daemon =
            new HandshakeDaemon(HandshakeDaemonOptions.DEFAULT.withPort(0), handler)) {
      byte[] request =
          RawPeer.frame(2, "{\"name\":\"n\",\"notify_msg\":\"" + "x".repeat(1_800_000) + "\"}\n");
      byte[] reply = RawPeer.ask(LOOPBACK, daemon.port(), request);
      assertThat(new String(reply, 9, reply.length - 9, StandardCharsets.UTF_8))
          .isEqualTo("null\n");
      assertThat(log.warnings())
          .singleElement()
          .asString()
          .contains("a notification of 18", "A text has at most 1048576 characters")
          .doesNotContain("is not a transfer engine");
    }
  }
}
