// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.Operation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class FramesTest {
  private final MemorySegment memory = Arena.ofAuto().allocate(64, 8).fill((byte) 0xee);
  private final long at = memory.address() + 3;

  private String hex(int length) {
    return HexFormat.of().formatHex(memory.asSlice(3, length).toArray(ValueLayout.JAVA_BYTE));
  }

  @Test
  void theHeaderOfTheProtocolPage() {
    Frames.writeHeader(at, 4096, 0x7f0000001000L, Operation.WRITE, true);
    assertThat(hex(25))
        .isEqualTo("0010000000000000" + "001000000" + "07f0000" + "8100000000000000" + "ee");
    assertThat(Frames.headerSize(at)).isEqualTo(4096);
    assertThat(Frames.headerAddress(at)).isEqualTo(0x7f0000001000L);
    assertThat(Frames.headerOpcode(at)).isEqualTo(0x81);
  }

  @Test
  void theHeaderAndARangeOfAVectoredRequest() {
    Frames.writeVectorHeader(at, 0x12345, 300, Operation.WRITE);
    assertThat(hex(25))
        .isEqualTo("4523010000000000" + "2c01000000000000" + "e100000000000000" + "ee");
    Frames.writeVectorHeader(at, 2, 2, Operation.READ);
    assertThat(Frames.headerOpcode(at)).isEqualTo(0xe0);
    Frames.writeRange(at, 0x7f0000001000L, 4096);
    assertThat(hex(16)).isEqualTo("001000000" + "07f0000" + "0010000000000000");
    assertThat(Frames.rangeAddress(onHeap(), 0)).isEqualTo(0x7f0000001000L);
    assertThat(Frames.rangeLength(onHeap(), 0)).isEqualTo(4096);
  }

  @Test
  void everyOpcode() {
    Frames.writeHeader(at, 1, 2, Operation.READ, false);
    assertThat(Frames.headerOpcode(at)).isEqualTo(0x00);
    Frames.writeHeader(at, 1, 2, Operation.WRITE, false);
    assertThat(Frames.headerOpcode(at)).isEqualTo(0x01);
    Frames.writeHeader(at, 1, 2, Operation.READ, true);
    assertThat(Frames.headerOpcode(at)).isEqualTo(0x80);
    // Garbage in the padding is not part of it.
    memory.asSlice(3 + 17, 7).fill((byte) 0xff);
    assertThat(Frames.headerOpcode(at)).isEqualTo(0x80);
  }

  @Test
  void statusFrames() {
    Frames.writeStatus(at, Frames.STATUS_OK);
    assertThat(hex(9)).isEqualTo("000000005654434d" + "ee");
    assertThat(Frames.statusCode(onHeap())).isZero();
    Frames.writeStatus(at, Frames.STATUS_REJECTED);
    assertThat(hex(8)).isEqualTo("010000005654434d");
    assertThat(Frames.statusCode(onHeap())).isEqualTo(1);
    for (int i = 4; i < 8; i++) {
      Frames.writeStatus(at, 0);
      memory.set(ValueLayout.JAVA_BYTE, 3 + i, (byte) 0);
      assertThat(Frames.statusCode(onHeap())).isEqualTo(-1);
    }
    // A code with the highest bit set is an error like others, not a broken frame.
    Frames.writeStatus(at, 0);
    memory.set(ValueLayout.JAVA_BYTE, 3 + 3, (byte) 0x80);
    assertThat(Frames.statusCode(onHeap())).isPositive();
  }

  private byte[] onHeap() {
    byte[] bytes = new byte[Frames.RANGE_BYTES];
    MemoryWindow.copy(at, bytes, 0, bytes.length);
    return bytes;
  }
}
