// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.Golden;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;

class FrameCodecTest {
  private static final int MAX = 1 << 20;

  @ParameterizedTest
  @FieldSource("io.transferengine.wire.Golden#HANDSHAKE_FRAMES")
  void recordedFrameSurvivesTheRoundTrip(String name) throws IOException {
    byte[] recorded = Golden.bytes(name);
    HandshakeFrame frame = read(recorded);
    assertThat(frame.type().wireValue()).isEqualTo(recorded[8]);
    assertThat(frame.payload()).isEqualTo(Golden.payload(name));
    assertThat(FrameCodec.encode(frame)).isEqualTo(recorded);
  }

  /** Protocol section 13. */
  @ParameterizedTest
  @CsvSource({
    "PROBE, '{}\n', 0400000000000000037b7d0a",
    "METADATA, 'null\n', 0600000000000000016e756c6c0a",
    "OLD_PROTOCOL, '{}\n', 03000000000000007b7d0a",
  })
  void samplesOfTheProtocolPage(MessageType type, String json, String hex) throws IOException {
    byte[] bytes = HexFormat.of().parseHex(hex);
    byte[] payload = json.getBytes(StandardCharsets.US_ASCII);
    assertThat(FrameCodec.encode(new HandshakeFrame(type, payload))).isEqualTo(bytes);
    assertThat(read(bytes).type()).isEqualTo(type);
    assertThat(read(bytes).payload()).isEqualTo(payload);
  }

  @Test
  void sampleOfIssue277() {
    String json =
        "{\"local_nic_path\":\"localhost:12570@mlx5_0\",\"peer_nic_path\":\"localhost:14121@mlx5_0\",\"qp_num\":[11250,11256],\"reply_msg\":\"\"}\n";
    byte[] payload = json.getBytes(StandardCharsets.US_ASCII);
    assertThat(payload).hasSize(123);
    assertThat(FrameCodec.encode(new HandshakeFrame(MessageType.CONNECTION, payload)))
        .startsWith(0x7c, 0, 0, 0, 0, 0, 0, 0, 0, '{')
        .hasSize(132);
  }

  @ParameterizedTest
  @CsvSource({
    "0000000000000000, announces 0 bytes",
    "0100100000000000017b7d, announces 1048577 bytes",
    "ffffffffffffffff017b7d, announces 18446744073709551615 bytes",
    "0000000000000080017b7d, announces 9223372036854775808 bytes",
    "0300000000000000807b7d, type 0x80",
    "0300000000000000ff7b7d, type 0xff",
    "0300000000000000fe7b7d, type 0xfe",
    "0300000000000000057b7d, type 0x05",
    "474554202f20485454502f312e310d0a, 1 to 1048576 are accepted",
  })
  void whatIsNoFrameIsRefused(String hex, String expected) {
    assertThatExceptionOfType(TransferException.class)
        .isThrownBy(() -> read(HexFormat.of().parseHex(hex)))
        .matches(e -> e.code() == ErrorCode.SOCKET)
        .withMessageContaining(expected);
  }

  @Test
  void everyTruncationIsAnEndOfStream() {
    byte[] frame = Golden.bytes("p2p-notify/02-port15699-request.bin");
    for (int length = 0; length < frame.length; length++) {
      byte[] part = java.util.Arrays.copyOf(frame, length);
      assertThatExceptionOfType(EOFException.class)
          .isThrownBy(() -> read(part))
          .withMessageContaining(length == 0 ? "without" : "inside");
    }
  }

  @Test
  void announcedLengthAloneTakesNoMemory() {
    byte[] frame = RawPeer.frame(2, "{}");
    RawPeer.putLength(frame, FrameCodec.MAX_LENGTH_CEILING_BYTES);
    int[] reserved = new int[1];
    assertThatExceptionOfType(EOFException.class)
        .isThrownBy(
            () ->
                FrameCodec.readRequest(
                    new ByteArrayInputStream(frame),
                    FrameCodec.MAX_LENGTH_CEILING_BYTES,
                    bytes -> reserved[0] += bytes));
    assertThat(reserved[0]).isLessThan(100_000);
  }

  @Test
  void longPayloadArrivesWhole() throws IOException {
    byte[] payload = new byte[3_000_001];
    new SplittableRandom(1).nextBytes(payload);
    byte[] frame = FrameCodec.encode(new HandshakeFrame(MessageType.NOTIFY, payload));
    assertThat(FrameCodec.read(new ByteArrayInputStream(frame), 1 << 22).payload())
        .isEqualTo(payload);
  }

  @Test
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void mutatedFramesAreReadOrRefused() {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("FrameCodecTest -Dseed=" + seed);
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 100_000; i++) {
      byte[] frame =
          Golden.bytes(Golden.HANDSHAKE_FRAMES.get(random.nextInt(Golden.HANDSHAKE_FRAMES.size())));
      for (int change = random.nextInt(4); change >= 0; change--) {
        frame[random.nextInt(random.nextBoolean() ? 9 : frame.length)] = (byte) random.nextInt();
      }
      try {
        HandshakeFrame read = read(frame);
        assertThat(FrameCodec.encode(read).length).isLessThanOrEqualTo(frame.length);
      } catch (TransferException | EOFException e) {
        assertThat(e).hasMessageNotContaining("\n");
      } catch (IOException | RuntimeException e) {
        throw new AssertionError("seed " + seed + " round " + i, e);
      }
    }
  }

  private static HandshakeFrame read(byte[] bytes) throws IOException {
    return FrameCodec.read(new ByteArrayInputStream(bytes), MAX);
  }
}
