// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.Operation;
import io.transferengine.wire.Golden;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The recorded data streams of the C++ engine: 32 bytes written at offset 128, 64 bytes read at
 * offset 0, 32 bytes written to an address that is not registered. Only the addresses are ours.
 */
@Timeout(60)
class GoldenDataTest {
  private static final int LENGTH = 65_536;

  /** What the recorded target's memory held, as the recordings' page says. */
  private static byte[] pattern() {
    byte[] bytes = new byte[LENGTH];
    long seven = 7;
    for (int i = 0; i < LENGTH; i++) {
      bytes[i] = (byte) ((i * 0x9E3779B97F4A7C15L + seven * 0xD1B54A32D192ED03L) >>> 56);
    }
    return bytes;
  }

  private static byte[] at(byte[] recorded, long address) {
    byte[] patched = recorded.clone();
    ByteBuffer.wrap(patched).order(ByteOrder.LITTLE_ENDIAN).putLong(8, address);
    return patched;
  }

  @ParameterizedTest
  @CsvSource({
    "p2p-tcp-v2/02-port16201,p2p-tcp-v2/04-port16201,p2p-tcp-v2/06-port16201",
    "http-tcp-v2/01-port15022,http-tcp-v2/03-port15022,http-tcp-v2/05-port15022"
  })
  void ourTargetAnswersAsTheRecordedOneDid(String write, String read, String rejected)
      throws Exception {
    try (TestEngine target = new TestEngine(LENGTH)) {
      target.put(0, pattern());
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      byte[] body = Arrays.copyOfRange(Golden.bytes(write + "-request.bin"), 24, 56);
      assertThat(answer(port, at(Golden.bytes(write + "-request.bin"), target.address() + 128)))
          .isEqualTo(Golden.bytes(write + "-response.bin"));
      assertThat(target.bytes(128, 32)).isEqualTo(body);
      assertThat(answer(port, at(Golden.bytes(read + "-request.bin"), target.address())))
          .isEqualTo(Golden.bytes(read + "-response.bin"));
      // Its address is as bad here as it was there.
      assertThat(answer(port, Golden.bytes(rejected + "-request.bin")))
          .isEqualTo(Golden.bytes(rejected + "-response.bin"));
    }
  }

  @Test
  void ourTargetAnswersVersion1AsTheRecordedOneDid() throws Exception {
    try (TestEngine target = new TestEngine(LENGTH)) {
      target.put(0, pattern());
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      byte[] write = Golden.bytes("p2p-tcp-v1/01-port15174-request.bin");
      assertThat(answer(port, at(write, target.address() + 128))).isEmpty();
      assertThat(target.bytes(128, 32)).isEqualTo(Arrays.copyOfRange(write, 24, 56));
      assertThat(
              answer(
                  port, at(Golden.bytes("p2p-tcp-v1/03-port15174-request.bin"), target.address())))
          .isEqualTo(Golden.bytes("p2p-tcp-v1/03-port15174-response.bin"));
      try (RawInitiator connection = new RawInitiator(port, 0)) {
        connection.send(Golden.bytes("p2p-tcp-v1/05-port15174-request.bin"));
        assertThat(connection.ending()).isEqualTo("reset");
      }
    }
  }

  private static byte[] answer(int port, byte[] request) throws Exception {
    try (RawInitiator connection = new RawInitiator(port, 0)) {
      return connection.send(request).halfClose().receiveToEnd();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "2,p2p-tcp-v2/02-port16201,p2p-tcp-v2/04-port16201,p2p-tcp-v2/06-port16201",
    "2,http-tcp-v2/01-port15022,http-tcp-v2/03-port15022,http-tcp-v2/05-port15022",
    "1,p2p-tcp-v1/01-port15174,p2p-tcp-v1/03-port15174,p2p-tcp-v1/05-port15174"
  })
  void ourInitiatorSendsWhatTheRecordedOneSent(
      int version, String write, String read, String rejected) throws Exception {
    byte[] body = Arrays.copyOfRange(Golden.bytes(write + "-request.bin"), 24, 56);
    try (RawTarget target = new RawTarget(version, LENGTH);
        TestEngine here = new TestEngine(LENGTH)) {
      System.arraycopy(pattern(), 0, target.memory(), 0, LENGTH);
      here.put(0, body);
      assertCompleted(here.submit(Operation.WRITE, target.name(), RawTarget.BASE + 128, 32));
      assertThat(Arrays.copyOfRange(target.memory(), 128, 160)).isEqualTo(body);
      assertCompleted(here.submit(Operation.READ, target.name(), RawTarget.BASE, 64));
      byte[] answer = Golden.bytes(read + "-response.bin");
      assertThat(here.bytes(0, 64))
          .isEqualTo(Arrays.copyOfRange(answer, answer.length - 64, answer.length));
      // The C++ engine took a version 1 write into the void for done. Ours does not even send what
      // a peer has not published that does not check by itself.
      assertFailed(here.submit(Operation.WRITE, target.name(), 0x1000, 32));
      // Reads of one byte are ours alone: they prove that a version 1 write has arrived.
      List<RawTarget.Request> sent =
          target.requests.stream()
              .filter(request -> request.opcode() != 0 || request.size() > 1)
              .toList();
      assertThat(sent).hasSize(version == 1 ? 2 : 3);
      assertHeader(sent.get(0), write, RawTarget.BASE + 128);
      assertHeader(sent.get(1), read, RawTarget.BASE);
      if (version == 2) {
        assertHeader(sent.get(2), rejected, 0x1000);
      }
    }
  }

  private static void assertHeader(RawTarget.Request sent, String recording, long address) {
    byte[] recorded = Arrays.copyOf(at(Golden.bytes(recording + "-request.bin"), address), 24);
    Arrays.fill(recorded, 17, 24, (byte) 0);
    assertThat(sent.header()).isEqualTo(recorded);
  }
}
