// SPDX-License-Identifier: Apache-2.0
package io.transferengine.exposition;

import static io.transferengine.fuzz.Oracle.require;

import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.Oracle;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * A slot of a counters file, which may hold what somebody else has written. An input is what stands
 * before the last line: that has a checksum, which the target makes, or nothing would be looked at.
 */
public final class CountersFuzz implements FuzzTarget {
  /** The texts, a list of lines and their parts, a builder's maps, and an exception. */
  private static final long HEAP_BYTES = 512 << 10;

  private static final long HEAP_BYTES_PER_BYTE = 200;
  private static final int RADIX = 16;

  @Override
  public void run(byte[] input) throws IOException {
    require(CountersText.read(input).isEmpty() || endsWithSum(input), "taken without a checksum");
    byte[] slot = whole(new String(input, StandardCharsets.UTF_8));
    Optional<CountersRecord> record =
        Oracle.frugally(
            HEAP_BYTES + HEAP_BYTES_PER_BYTE * input.length, () -> CountersText.read(slot));
    if (record.isPresent()) {
      byte[] again = CountersText.of(record.get());
      require(again.length <= CountersText.BYTES_MAX, () -> again.length + " bytes");
      // The first time leaves out what does not fit and the peers of the same name.
      CountersRecord first = CountersText.read(again).orElseThrow();
      CountersRecord second = CountersText.read(CountersText.of(first)).orElseThrow();
      require(first.equals(second), () -> first + " became " + second);
    }
  }

  private static boolean endsWithSum(byte[] input) {
    return new String(input, StandardCharsets.UTF_8).contains("\nend ");
  }

  private static byte[] whole(String body) {
    String text = CountersText.FIRST_LINE + body + "\n";
    CRC32C sum = new CRC32C();
    sum.update(text.getBytes(StandardCharsets.UTF_8));
    return (text + "end " + Long.toString(sum.getValue(), RADIX) + "\n")
        .getBytes(StandardCharsets.UTF_8);
  }
}
