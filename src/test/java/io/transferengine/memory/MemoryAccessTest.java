// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class MemoryAccessTest {
  private static Region region(MemorySegment memory) {
    return new RegionTable().register(memory.address(), memory.byteSize(), "*");
  }

  @Test
  void copiesInAndOutAtTheGivenPlaces() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(16);
      Region held = region(memory);
      MemoryAccess.copyIn(new byte[] {1, 2, 3, 4, 5}, 1, held, memory.address() + 4, 3);
      assertThat(memory.toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(0, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0);

      byte[] out = new byte[5];
      MemoryAccess.copyOut(held, memory.address() + 3, out, 1, 3);
      assertThat(out).containsExactly(0, 0, 2, 3, 0);
    }
  }

  @Test
  void arraysAreNotOverrun() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(16);
      Region held = region(memory);
      long address = memory.address();
      assertThatThrownBy(() -> MemoryAccess.copyIn(new byte[4], 2, held, address, 3))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> MemoryAccess.copyOut(held, address, new byte[4], -1, 3))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> MemoryAccess.copyOut(held, address, new byte[4], 0, -1))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void onlyWhatLiesInTheRegionIsTouched() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(16);
      Region held = region(memory);
      byte[] bytes = new byte[20];
      for (long address : new long[] {memory.address() - 1, memory.address() + 13, -1, 0}) {
        assertThatThrownBy(() -> MemoryAccess.copyIn(bytes, 0, held, address, 4))
            .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> MemoryAccess.copyOut(held, address, bytes, 0, 4))
            .isInstanceOf(IllegalArgumentException.class);
      }
    }
  }

  /** Nothing is mapped there: to touch it would end the JVM. */
  @Test
  void deviceMemoryIsNotTouched() {
    Region device = new RegionTable().register(0x10_0000_0000L, 16, "cuda:0");
    assertThatThrownBy(() -> MemoryAccess.copyIn(new byte[4], 0, device, 0x10_0000_0000L, 4))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("cuda:0");
    assertThatThrownBy(() -> MemoryAccess.copyOut(device, 0x10_0000_0000L, new byte[4], 0, 4))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** A page of it may be gone, of a file that was cut short: a call of C would end the JVM. */
  @Test
  void otherMemoryIsCopiedOnlyToAndFromPools() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(16);
      Region registered = region(memory);
      MemorySegment other = arena.allocate(16);
      long address = memory.address();
      assertThatThrownBy(() -> MemoryAccess.copyIn(other, 0, registered, address, 4))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> MemoryAccess.copyOut(registered, address, other, 0, 4))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
