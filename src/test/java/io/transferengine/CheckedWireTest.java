// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.CheckedFrames.MARK;
import static io.transferengine.CheckedFrames.greeted;
import static io.transferengine.CheckedFrames.header;
import static io.transferengine.CheckedFrames.helloAnswer;
import static io.transferengine.CheckedFrames.incarnation;
import static io.transferengine.CheckedFrames.join;
import static io.transferengine.CheckedFrames.little;
import static io.transferengine.CheckedFrames.status;
import static io.transferengine.CheckedFrames.sum;
import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.Operation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Checked connections, by the protocol page and none of our own code. */
@Timeout(60)
class CheckedWireTest {
  @Test
  void theTargetSpeaksIt() throws IOException {
    try (TestEngine engine = new TestEngine(1 << 20);
        RawInitiator peer = RawInitiator.to(engine.engine.rpcPort())) {
      long own = incarnation(engine);
      peer.send(header(MARK, own, 0xe3));
      assertThat(peer.receive(20)).isEqualTo(helloAnswer(0, own));
      byte[] body = random(1, 100);
      peer.send(join(header(100, engine.address() + 7, 0x81), body, sum(body)));
      assertThat(peer.receive(12)).isEqualTo(status(0));
      assertThat(engine.bytes(7, 100)).isEqualTo(body);
      peer.send(header(100, engine.address() + 7, 0x80));
      assertThat(peer.receive(116)).isEqualTo(join(status(0), body, sum(body)));
      byte[] table =
          little(32)
              .putLong(engine.address() + 200)
              .putLong(60)
              .putLong(engine.address() + 300)
              .putLong(40)
              .array();
      byte[] write = join(header(100, 2, 0xe1), table, sum(table), body, sum(body));
      peer.dribble(write);
      assertThat(peer.receive(12)).isEqualTo(status(0));
      assertThat(join(engine.bytes(200, 60), engine.bytes(300, 40))).isEqualTo(body);
      peer.send(join(header(100, 2, 0xe0), table, sum(table)));
      assertThat(peer.receive(116)).isEqualTo(join(status(0), body, sum(body)));
      byte[] large = random(2, 100_000);
      peer.send(join(header(large.length, engine.address() + 999, 0x81), large, sum(large)));
      assertThat(peer.receive(12)).isEqualTo(status(0));
      peer.send(header(large.length, engine.address() + 999, 0x80));
      assertThat(peer.receive(large.length + 16)).isEqualTo(join(status(0), large, sum(large)));
      // A refusal ends it, as without checksums.
      peer.send(header(10, engine.address() + (1 << 20), 0x80));
      assertThat(peer.receiveToEnd()).isEqualTo(status(1));
    }
  }

  @Test
  void aDamagedBodyIsToldAndTheConnectionGoesOn() throws IOException {
    try (TestEngine engine = new TestEngine(4096);
        RawInitiator peer = greeted(engine)) {
      byte[] body = random(1, 100);
      byte[] other = body.clone();
      other[50] ^= 4;
      peer.send(join(header(100, engine.address(), 0x81), other, sum(body)));
      assertThat(peer.receive(12)).isEqualTo(status(3));
      peer.send(join(header(100, engine.address(), 0x81), body, sum(body)));
      assertThat(peer.receive(12)).isEqualTo(status(0));
      assertThat(engine.bytes(0, 100)).isEqualTo(body);
      assertThat(engine.count(Counter.INBOUND_CHECKSUM_MISMATCHES)).isOne();
    }
  }

  @Test
  void aDamagedTableOrHeaderEndsItBeforeAByteIsPlaced() throws IOException {
    byte[] zeros = new byte[4096];
    for (int bit = 0; bit < 2; bit++) {
      try (TestEngine engine = new TestEngine(4096);
          RawInitiator peer = greeted(engine)) {
        byte[] body = random(1, 100);
        byte[] table = little(16).putLong(engine.address() + 256).putLong(100).array();
        byte[] sum = sum(table);
        byte[] header = header(100, 1, 0xe1);
        (bit == 0 ? table : header)[1] ^= 1;
        peer.send(join(header, table, sum, body, sum(body)));
        peer.send(join(header(100, engine.address(), 0x81), body, sum(body)));
        assertThat(peer.receiveToEnd()).isEqualTo(status(4));
        assertThat(engine.bytes(0, 4096)).isEqualTo(zeros);
        assertThat(engine.count(Counter.INBOUND_CHECKSUM_MISMATCHES)).isOne();
      }
    }
  }

  @Test
  void nothingWithoutASumIsServedAnyMore() throws IOException {
    try (TestEngine engine = new TestEngine(4096);
        RawInitiator peer = greeted(engine)) {
      peer.send(RawInitiator.writeRequest(engine.address(), random(1, 100), 0x80));
      assertThat(peer.receiveToEnd()).isEqualTo(status(4));
      assertThat(engine.bytes(0, 4096)).isEqualTo(new byte[4096]);
    }
  }

  @Test
  void moreThanTheLimitIsRefused() throws IOException {
    try (TestEngine engine = new TestEngine(2 << 20);
        RawInitiator peer = greeted(engine)) {
      peer.send(header(1 << 20, engine.address(), 0x80));
      assertThat(peer.receive(12)).isEqualTo(status(0));
      byte[] _ = peer.receive((1 << 20) + 4);
      peer.send(header((1 << 20) + 1, engine.address(), 0x80));
      assertThat(peer.receiveToEnd()).isEqualTo(status(1));
    }
  }

  @Test
  void helloIsForOneEngineAndWhole() throws IOException {
    try (TestEngine engine = new TestEngine(4096)) {
      long own = incarnation(engine);
      try (RawInitiator peer = RawInitiator.to(engine.engine.rpcPort())) {
        peer.send(header(MARK, own + 1, 0xe3));
        assertThat(peer.receiveToEnd()).isEqualTo(helloAnswer(2, own));
      }
      try (RawInitiator peer = RawInitiator.to(engine.engine.rpcPort())) {
        byte[] hello = header(MARK, own, 0xe3);
        hello[18] ^= 1;
        peer.send(hello);
        assertThat(peer.receiveToEnd()).isEqualTo(helloAnswer(4, own));
      }
      try (RawInitiator peer = RawInitiator.to(engine.engine.rpcPort())) {
        // One bit off it would be the identity frame, whose answer would say that all is well.
        peer.send(header(MARK, own, 0xe2));
        assertThat(peer.receiveToEndOrResetBytes()).isEmpty();
      }
    }
  }

  /** What the initiator sends is checked against this page's words, and answered by them. */
  @Test
  void theInitiatorSpeaksIt() throws Exception {
    BlockingQueue<String> wrong = new LinkedBlockingQueue<>();
    byte[] memory = random(5, 4096);
    try (TestEngine engine =
            new TestEngine(8192, config -> config.checksum(ChecksumMode.REQUIRE_CRC32C));
        RawTarget target =
            new RawTarget(2, 4096)
                .takingVectors()
                .withMembers(
                    "\"te_incarnation\":\"00000000deadbeef\",\"te_tcp_identity\":1,"
                        + "\"te_tcp_checksum\":1,")
                .behaving(connection -> serve(connection, memory, wrong))) {
      engine.put(0, random(6, 8192));
      for (int turn = 0; turn < 3; turn++) {
        assertCompleted(engine.submit(Operation.WRITE, target.name(), RawTarget.BASE, 500));
      }
      assertThat(Arrays.copyOf(memory, 500)).isEqualTo(engine.bytes(0, 500));
      long[] local = {engine.address(), engine.address() + 1000};
      long[] remote = {RawTarget.BASE + 3000, RawTarget.BASE + 1000};
      long[] lengths = {700, 5};
      assertCompleted(
          engine.submit(Operation.WRITE, target.name(), BlockColumns.of(local, remote, lengths)));
      assertThat(Arrays.copyOfRange(memory, 3000, 3700)).isEqualTo(engine.bytes(0, 700));
      assertThat(Arrays.copyOfRange(memory, 1000, 1005)).isEqualTo(engine.bytes(1000, 5));
      new java.util.Random(7).nextBytes(memory);
      assertCompleted(
          engine.submit(Operation.READ, target.name(), BlockColumns.of(local, remote, lengths)));
      assertThat(engine.bytes(0, 700)).isEqualTo(Arrays.copyOfRange(memory, 3000, 3700));
      assertThat(target.requests.stream().map(RawTarget.Request::opcode))
          .contains(0xe3, 0x81, 0xe1, 0xe0)
          .doesNotContain(0xe2);
      assertThat(wrong).isEmpty();
    }
  }

  private static void serve(
      RawTarget.Connection connection, byte[] memory, BlockingQueue<String> wrong)
      throws IOException {
    RawTarget.Request request = connection.next();
    for (; request != null; request = connection.next()) {
      byte[] summed = Arrays.copyOf(request.header(), 20);
      check(wrong, "header", sum(summed), Arrays.copyOfRange(request.header(), 20, 24));
      if (request.opcode() == 0xe3) {
        check(wrong, "mark", little(8).putLong(MARK).array(), Arrays.copyOf(summed, 8));
        connection.send(helloAnswer(0, request.address()));
        continue;
      }
      byte[] table = little(16).putLong(request.address()).putLong(request.size()).array();
      if (request.opcode() >= 0xe0) {
        table = connection.body(16 * request.address());
        check(wrong, "table", sum(table), connection.body(4));
      }
      ByteBuffer ranges = ByteBuffer.wrap(table).order(ByteOrder.LITTLE_ENDIAN);
      CRC32C crc = new CRC32C();
      if (!request.isWrite()) {
        connection.send(status(0));
      }
      while (ranges.hasRemaining()) {
        int at = (int) (ranges.getLong() - RawTarget.BASE);
        int length = (int) ranges.getLong();
        if (request.isWrite()) {
          System.arraycopy(connection.body(length), 0, memory, at, length);
        } else {
          connection.send(Arrays.copyOfRange(memory, at, at + length));
        }
        crc.update(memory, at, length);
      }
      byte[] bodySum = little(4).putInt((int) crc.getValue()).array();
      if (request.isWrite()) {
        check(wrong, "body", bodySum, connection.body(4));
        connection.send(status(0));
      } else {
        connection.send(bodySum);
      }
    }
  }

  private static void check(
      BlockingQueue<String> wrong, String what, byte[] expected, byte[] found) {
    if (!Arrays.equals(expected, found)) {
      wrong.add(what);
    }
  }
}
