// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class OffHeapSourceTest {
  @Test
  void aSlabHoldsZerosAndGoesBack() throws Exception {
    MemorySource.Slab slab = new OffHeapSource("*").take(100_001);
    long address = slab.address();
    assertThat(address % OffHeapSource.ALIGNMENT_BYTES).isZero();
    assertThat(slab.bytes()).isEqualTo(100_001);
    MemorySegment part = slab.part(100_000, 1);
    assertThat(part.get(ValueLayout.JAVA_BYTE, 0)).isZero();
    part.set(ValueLayout.JAVA_BYTE, 0, (byte) 7);
    slab.giveBack();
    assertThatThrownBy(() -> part.get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void moreThanTheMachineHasIsAnOutOfMemoryError() {
    for (long bytes : new long[] {1L << 46, Long.MAX_VALUE}) {
      assertThatThrownBy(() -> new OffHeapSource("*").take(bytes))
          .isInstanceOf(OutOfMemoryError.class);
    }
  }

  @Test
  void hugePagesThatAreNotThereAreAnErrorWithARemedy() {
    for (long bytes : new long[] {1L << 46, Long.MAX_VALUE}) {
      assertThatThrownBy(() -> new OffHeapSource("*", true, () -> false).take(bytes))
          .isInstanceOfSatisfying(
              TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.MEMORY))
          .hasMessageContainingAll("huge pages", "/proc/sys/vm/nr_hugepages", "TE_HUGE_PAGES");
    }
  }
}
