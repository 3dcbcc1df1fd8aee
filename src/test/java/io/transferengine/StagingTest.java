// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.VECTOR_READ;
import static io.transferengine.RawInitiator.header;
import static io.transferengine.RawInitiator.vector;
import static io.transferengine.RawInitiator.writeRequest;
import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.eventually;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.Operation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The memory between sockets and registered memory has an end, and strangers cannot use it up. */
@Timeout(120)
class StagingTest {
  private static final int MIB = 1 << 20;
  private static final int STRANGERS = 300;

  /** More than a socket's buffers hold at both its ends. */
  private static final int ASKED_BYTES = 24 * MIB;

  @Test
  void peersThatAskAndNeverReadTakeNoMoreThanTheTotalAndDelayNobody() throws Exception {
    List<RawInitiator> strangers = new ArrayList<>();
    try (TestEngine target = new TestEngine(4 * MIB);
        TestEngine honest = new TestEngine(4 * MIB, b -> b.transferTimeoutSeconds(20));
        TestEngine checked =
            new TestEngine(
                4 * MIB, b -> b.transferTimeoutSeconds(20).checksum(ChecksumMode.REQUIRE_CRC32C))) {
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      // Connected before the strangers come, as peers are; and a lane more while they are there.
      for (TestEngine one : List.of(honest, checked)) {
        assertCompleted(
            one.submit(Operation.WRITE, target.engine.segmentName(), target.address(), 1));
      }
      long before = directBytes();
      for (int i = 0; i < STRANGERS; i++) {
        RawInitiator stranger = new RawInitiator(port, 4096);
        strangers.add(stranger);
        askForMuch(stranger, target, i);
      }
      for (RawInitiator stranger : strangers) {
        // It was accepted and has begun to be served; until then whoever connects waits behind it.
        byte[] _ = stranger.receive(1);
      }
      eventually("staging is used up", () -> target.count(Counter.STAGING_DRY) > 100);
      assertThat(directBytes() - before).as("direct memory, bytes").isLessThan(4L * MIB);
      for (TestEngine one : List.of(honest, checked)) {
        everyShapeIsMoved(one, target);
      }
      everyFormOfRequestIsServed(target, port);
      everyCheckedFormIsServed(target);
      assertThat(directBytes() - before).as("direct memory, bytes").isLessThan(4L * MIB);
      for (RawInitiator stranger : strangers) {
        stranger.close();
      }
    }
  }

  private static void everyShapeIsMoved(TestEngine one, TestEngine target) {
    for (Operation operation : Operation.values()) {
      for (int length : new int[] {64, 4096, 16_383, 100_000}) {
        int count = Math.min(1000, 4 * MIB / length);
        long[] remote =
            LongStream.range(0, count).map(i -> target.address() + i * length).toArray();
        // In the opposite order, so that no two can be merged.
        long[] local =
            LongStream.range(0, count).map(i -> one.address() + (count - 1 - i) * length).toArray();
        long[] lengths = LongStream.range(0, count).map(i -> length).toArray();
        assertCompleted(
            one.submit(
                operation, target.engine.segmentName(), BlockColumns.of(local, remote, lengths)));
      }
    }
  }

  @Test
  void anAddressWhosePeersNeverReadLeavesStagingToOthers() throws Exception {
    List<RawInitiator> strangers = new ArrayList<>();
    try (TestEngine target = new TestEngine(4 * MIB, b -> b.tcpIoThreads(2))) {
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      for (int i = 0; i < STRANGERS; i++) {
        RawInitiator stranger = new RawInitiator("127.0.0.2", port, 4096);
        strangers.add(stranger);
        askForMuch(stranger, target, i);
      }
      for (RawInitiator stranger : strangers) {
        byte[] _ = stranger.receive(1);
      }
      eventually("their share is used up", () -> target.count(Counter.STAGING_DRY) > 100);
      for (int i = 0; i < 8; i++) {
        // On one of the two loops, and then on the other.
        try (RawInitiator honest = new RawInitiator("127.0.0.3", port, 0)) {
          for (int j = 0; j < 10; j++) {
            honest.send(header(1000, target.address(), READ | V2));
            byte[] _ = honest.receive(8 + 1000);
          }
        }
      }
      // Whoever found none was one of them, and there was some for others.
      long dry = target.count(Counter.STAGING_DRY);
      assertThat(dry).isLessThanOrEqualTo(target.count(Counter.STAGING_SHARE_DRY));
      for (RawInitiator stranger : strangers) {
        stranger.close();
      }
    }
  }

  /** Small reads, or vectored ones; as much as the target takes in. */
  private static void askForMuch(RawInitiator stranger, TestEngine target, int index)
      throws IOException {
    ByteArrayOutputStream requests = new ByteArrayOutputStream();
    int each = index % 3 == 0 ? 300 : 10_000;
    for (int asked = 0; asked < ASKED_BYTES; asked += MIB) {
      if (index % 2 == 0) {
        requests.writeBytes(vector(VECTOR_READ, 2L * each, 2, table(target, each)));
      } else {
        requests.writeBytes(header(each, target.address(), READ | V2));
      }
    }
    byte[] some = requests.toByteArray();
    stranger.socket.setSendBufferSize(4096);
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                for (int asked = 0; asked < ASKED_BYTES / each; asked += ASKED_BYTES / MIB) {
                  stranger.send(some);
                }
              } catch (SocketException e) {
                // Closed at the end of the test.
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
  }

  private static long[] table(TestEngine target, int each) {
    return new long[] {target.address(), each, target.address() + each, each};
  }

  private static void everyFormOfRequestIsServed(TestEngine target, int port) throws IOException {
    for (int version2 : new int[] {0, V2}) {
      for (int size : new int[] {1, 23, 25, 4096, 16_383, 16_384, 70_000, MIB}) {
        byte[] body = random(size, size);
        try (RawInitiator peer = new RawInitiator(port, 0)) {
          ByteArrayOutputStream requests = new ByteArrayOutputStream();
          requests.writeBytes(writeRequest(target.address() + 7, body, version2));
          requests.writeBytes(header(size, target.address() + 7, READ | version2));
          requests.writeBytes(header(size, target.address() + 7, READ | version2));
          // All but the last byte, which is then half a header's.
          byte[] all = requests.toByteArray();
          peer.send(Arrays.copyOf(all, all.length - 1));
          if (version2 != 0) {
            assertThat(peer.receive(8)).isEqualTo(OK);
            assertThat(peer.receive(8)).isEqualTo(OK);
          }
          assertThat(peer.receive(size)).isEqualTo(body);
          peer.send(new byte[] {0});
          peer.halfClose();
          if (version2 != 0) {
            assertThat(peer.receive(8)).isEqualTo(OK);
          }
          assertThat(peer.receive(size)).isEqualTo(body);
          assertThat(peer.ending()).isEqualTo("eof");
        }
      }
    }
  }

  /** The sum behind a body may be what finds no staging. */
  private static void everyCheckedFormIsServed(TestEngine target) throws IOException {
    for (int size : new int[] {1, 23, 4096, 16_383, 16_384, 70_000, MIB}) {
      byte[] body = random(size, size);
      try (RawInitiator peer = CheckedFrames.greeted(target)) {
        byte[] write = CheckedFrames.header(size, target.address() + 7, 0x81);
        byte[] read = CheckedFrames.header(size, target.address() + 7, 0x80);
        peer.send(CheckedFrames.join(write, body, CheckedFrames.sum(body), read, read));
        assertThat(peer.receive(12)).isEqualTo(CheckedFrames.status(0));
        byte[] answer = CheckedFrames.join(CheckedFrames.status(0), body, CheckedFrames.sum(body));
        assertThat(peer.receive(answer.length)).isEqualTo(answer);
        assertThat(peer.receive(answer.length)).isEqualTo(answer);
        int half = Math.min(size, MIB / 2);
        byte[] table =
            CheckedFrames.little(32)
                .putLong(target.address() + 7 + size)
                .putLong(half)
                .putLong(target.address() + 7)
                .putLong(half)
                .array();
        peer.send(
            CheckedFrames.join(
                CheckedFrames.header(2L * half, 2, 0xe0), table, CheckedFrames.sum(table)));
        byte[] both = CheckedFrames.join(target.bytes(7L + size, half), target.bytes(7, half));
        answer = CheckedFrames.join(CheckedFrames.status(0), both, CheckedFrames.sum(both));
        assertThat(peer.receive(answer.length)).isEqualTo(answer);
      }
    }
  }

  private static long directBytes() {
    for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
      if (pool.getName().equals("direct")) {
        return pool.getTotalCapacity();
      }
    }
    throw new AssertionError("no figures of direct memory");
  }
}
