// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.TransferException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Damaged records decode or are refused; nothing else happens. {@code -Dseed=} replays. */
class MetadataCodecFuzzTest {
  private static final int ROUNDS = 60_000;

  private static final List<String> SPICE =
      List.of(
          "null",
          "[]",
          "{}",
          "-1",
          "1e999",
          "18446744073709551616",
          "\"\"",
          "true",
          "[[[[",
          "{\"a\":",
          "/*",
          "//",
          "\\ud800",
          "\u0000",
          ",",
          ":",
          "\"",
          "\ufeff",
          "0.0",
          "NaN");

  @Test
  @Timeout(value = 300, unit = TimeUnit.SECONDS)
  void mutatedRecordsAreDecodedOrRefused() {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("MetadataCodecFuzzTest -Dseed=" + seed);
    SplittableRandom random = new SplittableRandom(seed);
    List<byte[]> originals = new ArrayList<>();
    Golden.HANDSHAKE_FRAMES.forEach(name -> originals.add(Golden.payload(name)));
    Golden.HTTP.forEach(
        name ->
            Golden.httpBodies(name)
                .forEach(body -> originals.add(body.getBytes(StandardCharsets.UTF_8))));
    int refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
      byte[] json = mutate(originals.get(random.nextInt(originals.size())), random);
      refused += tryAll(json, "seed " + seed + " round " + i);
    }
    assertThat(refused).isPositive();
  }

  private static int tryAll(byte[] json, String where) {
    List<Consumer<byte[]>> decoders =
        List.of(
            bytes -> MetadataCodec.decodeSegment(bytes).ifPresent(MetadataCodecFuzzTest::reencode),
            bytes -> MetadataCodec.decodeHandshake(bytes).ifPresent(MetadataCodec::encode),
            MetadataCodec::decodeNotify,
            MetadataCodec::decodeRpcMeta,
            bytes -> MetadataCodec.decodePriorityMatrix(new String(bytes, StandardCharsets.UTF_8)),
            MetadataCodec::requireWellFormed);
    int refused = 0;
    for (Consumer<byte[]> decoder : decoders) {
      try {
        decoder.accept(json);
      } catch (TransferException e) {
        refused++;
      } catch (Throwable t) {
        throw new AssertionError(where + ": " + new String(json, StandardCharsets.UTF_8), t);
      }
    }
    return refused;
  }

  /** What was accepted can be written, and reads the same again. */
  private static void reencode(SegmentDescriptor segment) {
    if (segment.isSupported() && segment.protocols().size() == 1) {
      SegmentDescriptor again =
          MetadataCodec.decodeSegment(MetadataCodec.encode(segment)).orElseThrow();
      if (!again.name().equals(segment.name())
          || again.buffers().size() != segment.buffers().size()) {
        throw new AssertionError("not the same again: " + segment + " and " + again);
      }
    }
  }

  private static byte[] mutate(byte[] original, SplittableRandom random) {
    byte[] bytes = original.clone();
    int changes = 1 + random.nextInt(4);
    for (int i = 0; i < changes && bytes.length > 0; i++) {
      int at = random.nextInt(bytes.length);
      int end = Math.min(bytes.length, at + random.nextInt(20));
      bytes =
          switch (random.nextInt(5)) {
            case 0 -> replaced(bytes, at, at + 1, new byte[] {(byte) random.nextInt(256)});
            case 1 -> replaced(bytes, at, end, new byte[0]);
            case 2 ->
                replaced(
                    bytes,
                    at,
                    end,
                    SPICE.get(random.nextInt(SPICE.size())).getBytes(StandardCharsets.UTF_8));
            case 3 -> replaced(bytes, at, at, Arrays.copyOfRange(bytes, at, end));
            default -> Arrays.copyOf(bytes, at);
          };
    }
    return bytes;
  }

  private static byte[] replaced(byte[] bytes, int from, int to, byte[] by) {
    byte[] result = new byte[bytes.length - (to - from) + by.length];
    System.arraycopy(bytes, 0, result, 0, from);
    System.arraycopy(by, 0, result, from, by.length);
    System.arraycopy(bytes, to, result, from + by.length, bytes.length - to);
    return result;
  }
}
