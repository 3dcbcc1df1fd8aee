// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.BlockColumns;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LocalRangesTest {
  @Test
  void findsWhatAComparisonWithEachBlockFinds() {
    long seed = Long.getLong("seed", System.nanoTime());
    Random random = new Random(seed);
    for (int round = 0; round < 300; round++) {
      int count = 1 + random.nextInt(20);
      long[] local = new long[count];
      long[] length = new long[count];
      for (int i = 0; i < count; i++) {
        local[i] = 1L + random.nextInt(60);
        length[i] = 1L + random.nextInt(6);
      }
      LocalRanges ranges = new LocalRanges(BlockColumns.of(local, local, length));
      for (int start = 0; start < 70; start++) {
        for (int end = start + 1; end < start + 8; end++) {
          boolean expected = false;
          for (int i = 0; i < count; i++) {
            expected |= local[i] < end && local[i] + length[i] > start;
          }
          assertThat(ranges.touch(start, end))
              .as("-Dseed=%d, round %d, %d to %d", seed, round, start, end)
              .isEqualTo(expected);
        }
      }
    }
  }
}
