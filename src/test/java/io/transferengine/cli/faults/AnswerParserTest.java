// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Bytes too many are the answer to whatever is asked for next, even if they were there before. */
class AnswerParserTest {
  private static final int READ_1 = 0x00;

  private final Deque<Request> asked = new ArrayDeque<>();
  private final List<String> landed = new ArrayList<>();
  private final AnswerParser parser =
      new AnswerParser(
          asked::poll, (address, bytes, offset, count) -> landed.add(address + "+" + count));

  private void ask(long address, int length) {
    byte[] header =
        ByteBuffer.allocate(Request.HEADER_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(length)
            .putLong(address)
            .put((byte) READ_1)
            .array();
    asked.add(Request.of(header, new byte[0], false));
    parser.asked();
  }

  @Test
  void bytesBeforeTheirRequestWaitForIt() {
    ask(1000, 10);
    parser.take(new byte[12], 0, 12);
    parser.take(new byte[2], 0, 2);
    assertThat(landed).containsExactly("1000+10");

    ask(2000, 3);
    ask(3000, 5);
    assertThat(landed).containsExactly("1000+10", "2000+3", "3000+1");
    parser.take(new byte[7], 0, 7);
    assertThat(landed).containsExactly("1000+10", "2000+3", "3000+1", "3001+4");
    ask(4000, 4);
    assertThat(landed).endsWith("3001+4", "4000+3");
  }
}
