// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class OffHeapSourceTest {
  /** What the kernel shows at an address; empty if nothing begins there. */
  private static String mappingAt(long address) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/maps"), ISO_8859_1).stream()
        .filter(line -> line.startsWith("%x-".formatted(address)))
        .findFirst()
        .orElse("");
  }

  @Test
  void aSlabIsAMemfdThatHoldsZerosAndGoesBack() throws Exception {
    MemorySource.Slab slab = new OffHeapSource("*").take(100_001);
    long address = slab.address();
    assertThat(address % OffHeapSource.ALIGNMENT_BYTES).isZero();
    assertThat(slab.bytes()).isEqualTo(100_001);
    assertThat(mappingAt(address)).contains(" rw-s ", "/memfd:" + OffHeapSource.NAME);
    MemorySegment part = slab.part(100_000, 1);
    assertThat(part.get(ValueLayout.JAVA_BYTE, 0)).isZero();
    part.set(ValueLayout.JAVA_BYTE, 0, (byte) 7);
    slab.giveBack();
    assertThat(mappingAt(address)).isEmpty();
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
      assertThatThrownBy(() -> new OffHeapSource("*", true).take(bytes))
          .isInstanceOfSatisfying(
              TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.MEMORY))
          .hasMessageContainingAll("huge pages", "/proc/sys/vm/nr_hugepages", "TE_HUGE_PAGES");
    }
  }
}
