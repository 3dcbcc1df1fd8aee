// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A target that refuses a request does nothing that stands behind it either. */
class RequestParserTest {
  private static final List<Range> REGISTERED =
      List.of(new Range(1000, 100), new Range(1100, 2 << 20));
  private static final int WRITE = 0x81;
  private static final int WRITE_MANY = 0xe1;
  private static final int HEADER_BYTES = 24;
  private static final int GOOD_BYTES = 10;

  private final List<Long> landed = new ArrayList<>();

  /** {@return where a request puts bytes, and a good one behind it} */
  private List<Long> landed(int opcode, long size, long second, long... table) {
    landed.clear();
    ByteBuffer sent =
        ByteBuffer.allocate(2 * HEADER_BYTES + table.length * Long.BYTES + (3 << 20))
            .order(ByteOrder.LITTLE_ENDIAN);
    header(sent, opcode, size, second);
    for (long word : table) {
      sent.putLong(word);
    }
    sent.position(sent.position() + (int) size);
    header(sent, WRITE, GOOD_BYTES, 1000);
    new RequestParser(
            _ -> {},
            request -> request.isServed(REGISTERED),
            (address, bytes, offset, count) -> landed.add(address))
        .take(sent.array(), 0, sent.position() + GOOD_BYTES);
    return landed;
  }

  private static void header(ByteBuffer to, int opcode, long size, long second) {
    to.putLong(size).putLong(second).put((byte) opcode).position(to.position() + 7);
  }

  @Test
  void aRequestLiesInOneRegistration() {
    assertThat(landed(WRITE, 100, 1000)).containsExactly(1000L, 1000L);
    assertThat(landed(WRITE, 101, 1000)).isEmpty();
    assertThat(landed(WRITE, 100, 999)).isEmpty();
    assertThat(landed(WRITE, 0, 1000)).isEmpty();
    assertThat(landed(WRITE, 1, 1000 + (1L << 36))).isEmpty();
  }

  @Test
  void soDoesEachRangeOfAVectoredOneWhoseSizeIsTheirSum() {
    assertThat(landed(WRITE_MANY, 30, 2, 1050, 10, 1200, 20)).containsExactly(1050L, 1200L, 1000L);
    assertThat(landed(WRITE_MANY, 31, 2, 1050, 10, 1200, 20)).isEmpty();
    assertThat(landed(WRITE_MANY, 80, 2, 1050, 60, 1200, 20)).isEmpty();
    assertThat(landed(WRITE_MANY, 20, 2, 1050, 0, 1200, 20)).isEmpty();
    assertThat(landed(WRITE_MANY, 1 << 20, 1, 1200, 1 << 20)).containsExactly(1200L, 1000L);
    assertThat(landed(WRITE_MANY, (1 << 20) + 1, 1, 1200, (1 << 20) + 1)).isEmpty();
  }
}
