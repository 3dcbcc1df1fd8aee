// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ReadableMemoryTest {
  @Test
  void whatIsMappedCanBeRead() {
    try (Arena arena = Arena.ofConfined()) {
      assertThat(ReadableMemory.isAt(arena.allocate(8).address())).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 8, 12345, -1, Long.MIN_VALUE, 1L << 60})
  void whatIsNotIsFoundWithoutATouch(long address) {
    assertThat(ReadableMemory.isAt(address)).isEqualTo(!Platform.isLinux());
  }
}
