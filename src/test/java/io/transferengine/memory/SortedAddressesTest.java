// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SortedAddressesTest {
  private static int naive(long[] sorted, long address) {
    int index = -1;
    while (index + 1 < sorted.length && sorted[index + 1] <= address) {
      index++;
    }
    return index;
  }

  @Test
  void nothingIsInNothing() {
    assertThat(SortedAddresses.floorIndex(new long[0], 5)).isEqualTo(-1);
  }

  @Test
  void everyPlaceInArraysOfEverySize() {
    for (int size = 1; size <= 70; size++) {
      long[] sorted = new long[size];
      for (int i = 0; i < size; i++) {
        sorted[i] = 10L * (i + 1);
      }
      for (long address = 0; address <= 10L * (size + 2); address++) {
        assertThat(SortedAddresses.floorIndex(sorted, address))
            .as("%d in %d", address, size)
            .isEqualTo(naive(sorted, address));
      }
    }
  }

  @Test
  void theWholeAddressSpace() {
    long[] sorted = {0, 1, 1L << 62, Long.MAX_VALUE - 1, Long.MAX_VALUE};
    for (long address : sorted) {
      assertThat(SortedAddresses.floorIndex(sorted, address)).isEqualTo(naive(sorted, address));
    }
    assertThat(SortedAddresses.floorIndex(sorted, (1L << 62) - 1)).isEqualTo(1);
    assertThat(SortedAddresses.floorIndex(new long[] {1, 2}, 0)).isEqualTo(-1);
  }

  @Test
  void randomAddresses() {
    Random random = Seeds.random("SortedAddressesTest");
    for (int round = 0; round < 1_000; round++) {
      long[] sorted = random.longs(random.nextInt(1, 200), 0, Long.MAX_VALUE).sorted().toArray();
      long address = random.nextLong(0, Long.MAX_VALUE);
      assertThat(SortedAddresses.floorIndex(sorted, address))
          .as("%d in %s", address, Arrays.toString(sorted))
          .isEqualTo(naive(sorted, address));
    }
  }

  /** A peer may ask for any: no exception, and never an index beyond the array. */
  @Test
  void negativeAddressesAreHarmless() {
    long[] sorted = {4096, 8192, Long.MAX_VALUE};
    for (long address : new long[] {-1, Long.MIN_VALUE, Long.MIN_VALUE + 4096, -4096}) {
      assertThat(SortedAddresses.floorIndex(sorted, address)).isBetween(-1, 2);
    }
  }
}
