// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What notifications of strangers cost us in memory, and what a sender learns. */
@Timeout(120)
class NotificationLimitTest {
  private static final long MIB = 1 << 20;

  private static Engine open() {
    return Engine.open(
        EngineConfig.builder("127.0.0.1")
            .protocol("tcp")
            .notificationsLimitBytes(8 * MIB)
            .notificationsPerPeerLimitBytes(4 * MIB)
            .build());
  }

  @Test
  void manyLargeOnesAreRefusedBeyondTheBudgetAndOthersStillGetThrough() throws IOException {
    try (LogCapture log = new LogCapture();
        Engine engine = open()) {
      int taken = 0;
      String text = "x".repeat(900_000);
      for (int i = 0; i < 57; i++) {
        taken += notify(engine, "127.0.0.1", text) ? 1 : 0;
      }
      assertThat(taken).isEqualTo(2);
      assertThat(engine.metrics().get(Counter.NOTIFICATIONS_DROPPED)).isEqualTo(55);
      assertThat(log.warnings()).anyMatch(line -> line.contains("TE_NOTIFICATIONS_PER_PEER_LIMIT"));
      assertThat(notify(engine, "127.0.0.2", text)).isTrue();
      assertThat(notify(engine, "127.0.0.3", text)).isTrue();
      // All of it is gone now, in small notifications, too.
      assertThat(notify(engine, "127.0.0.4", text)).isFalse();
      assertThat(engine.takeNotifies()).hasSize(4);
      assertThat(notify(engine, "127.0.0.1", text)).isTrue();
      assertThat(notify(engine, "127.0.0.4", "small")).isTrue();
      assertThat(engine.takeNotifies()).extracting(TransferNotify::message).contains(text, "small");
    }
  }

  @Test
  void aSenderIsToldAndGoodOnesOf900ThousandCharactersPass() {
    try (LogCapture _ = new LogCapture();
        Engine receiver = open();
        Engine sender = open()) {
      String name = receiver.segmentName();
      sender.sendNotify(name, new TransferNotify("n", "\u00e9".repeat(900_000)));
      sender.sendNotify(name, new TransferNotify("n", "x".repeat(900_000)));
      assertThatThrownBy(
              () -> sender.sendNotify(name, new TransferNotify("n", "x".repeat(900_000))))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining("did not take the notification");
      assertThat(receiver.takeNotifies()).hasSize(2);
    }
  }

  @Test
  void aNotificationThatCannotBeDeliveredAfterATransferIsCounted() {
    try (LogCapture log = new LogCapture();
        Engine receiver = open();
        TestEngine sender = new TestEngine(4096);
        Allocation block = receiver.allocate(4096)) {
      String text = "x".repeat(900_000);
      for (int i = 0; i < 3; i++) {
        TestEngine.assertCompleted(
            sender.engine.submit(
                TransferRequest.of(
                        Operation.WRITE,
                        receiver.segmentName(),
                        BlockColumns.of(sender.address(), block.address(), 16))
                    .withNotification("layer", text)));
      }
      Awaitility.await()
          .until(() -> sender.engine.metrics().get(Counter.NOTIFICATIONS_FAILED) == 1);
      assertThat(log.warnings())
          .anyMatch(
              line ->
                  line.contains("'layer' for " + receiver.segmentName() + " was not delivered"));
    }
  }

  /** Sends a Notify frame from an address of this machine; whether it was taken. */
  private static boolean notify(Engine engine, String from, String text) throws IOException {
    byte[] json =
        ("{\"name\":\"n\",\"notify_msg\":\"" + text + "\"}\n").getBytes(StandardCharsets.UTF_8);
    try (Socket socket =
        new Socket(
            InetAddress.getLoopbackAddress(), engine.rpcPort(), InetAddress.getByName(from), 0)) {
      socket.setSoTimeout(60_000);
      ByteBuffer frame = ByteBuffer.allocate(9 + json.length).order(ByteOrder.LITTLE_ENDIAN);
      frame.putLong(1 + json.length).put((byte) 2).put(json);
      socket.getOutputStream().write(frame.array());
      String reply = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return reply.contains("success");
    }
  }
}
