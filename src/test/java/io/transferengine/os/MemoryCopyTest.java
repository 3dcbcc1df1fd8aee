// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class MemoryCopyTest {
  private static final int LARGE = (int) MemoryCopy.BY_C_BYTES;
  private static final long SEED = Long.getLong("seed", System.nanoTime());

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4096, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE + 77, (1 << 20) - 3})
  void whatIsAroundStaysAsItWas(int bytes) {
    Random random = new Random(SEED);
    try (Arena arena = Arena.ofShared()) {
      for (int try_ = 0; try_ < 20; try_++) {
        int fromAt = random.nextInt(200);
        int toAt = random.nextInt(200);
        byte[] source = new byte[bytes + 400];
        byte[] expected = new byte[bytes + 400];
        random.nextBytes(source);
        random.nextBytes(expected);
        MemorySegment from = arena.allocateFrom(ValueLayout.JAVA_BYTE, source);
        MemorySegment to = arena.allocateFrom(ValueLayout.JAVA_BYTE, expected);
        MemoryCopy.copy(from, fromAt, to, toAt, bytes);
        System.arraycopy(source, fromAt, expected, toAt, bytes);
        assertThat(Arrays.equals(to.toArray(ValueLayout.JAVA_BYTE), expected))
            .as("seed %d, from %d to %d", SEED, fromAt, toAt)
            .isTrue();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {100, LARGE})
  void nothingOutsideIsTouched(int bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(bytes);
      MemorySegment to = arena.allocate(bytes);
      for (long at : new long[] {-1, 1, Long.MAX_VALUE}) {
        assertThatThrownBy(() -> MemoryCopy.copy(from, at, to, 0, bytes))
            .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> MemoryCopy.copy(from, 0, to, at, bytes))
            .isInstanceOf(IndexOutOfBoundsException.class);
      }
      assertThatThrownBy(() -> MemoryCopy.copy(from, 0, to, 0, -1))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void closedMemoryIsNotTouched() {
    MemorySegment closed;
    try (Arena arena = Arena.ofShared()) {
      closed = arena.allocate(LARGE);
    }
    MemorySegment open = Arena.ofAuto().allocate(LARGE);
    for (long bytes : new long[] {1, LARGE}) {
      assertThatThrownBy(() -> MemoryCopy.copy(closed, 0, open, 0, bytes))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> MemoryCopy.copy(open, 0, closed, 0, bytes))
          .isInstanceOf(IllegalStateException.class);
    }
  }
}
