// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class MemoryAccessTest {
  @Test
  void copiesInAndOutAtTheGivenPlaces() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(16);
      MemoryAccess.copyIn(new byte[] {1, 2, 3, 4, 5}, 1, memory.address() + 4, 3);
      assertThat(memory.toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(0, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0);

      byte[] out = new byte[5];
      MemoryAccess.copyOut(memory.address() + 3, out, 1, 3);
      assertThat(out).containsExactly(0, 0, 2, 3, 0);
    }
  }

  @Test
  void arraysAreNotOverrun() {
    try (Arena arena = Arena.ofConfined()) {
      long address = arena.allocate(16).address();
      assertThatThrownBy(() -> MemoryAccess.copyIn(new byte[4], 2, address, 3))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> MemoryAccess.copyOut(address, new byte[4], -1, 3))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> MemoryAccess.copyOut(address, new byte[4], 0, -1))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> MemoryAccess.copyIn(new byte[4], 0, -address, 4))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void overlappingCopyKeepsTheBytes() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_BYTE, new byte[] {1, 2, 3, 4, 5});
      MemoryAccess.copy(memory.address(), memory.address() + 1, 4);
      assertThat(memory.toArray(ValueLayout.JAVA_BYTE)).containsExactly(1, 1, 2, 3, 4);
    }
  }

  @Test
  void segmentHasAddressAndLengthAndAnyThreadMayUseIt() throws InterruptedException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(16);
      MemorySegment view = MemoryAccess.segmentAt(memory.address(), 8);
      assertThat(view.address()).isEqualTo(memory.address());
      assertThat(view.byteSize()).isEqualTo(8);
      Thread.ofVirtual().start(() -> view.set(ValueLayout.JAVA_BYTE, 7, (byte) 9)).join();
      assertThat(memory.get(ValueLayout.JAVA_BYTE, 7)).isEqualTo((byte) 9);
    }
  }
}
