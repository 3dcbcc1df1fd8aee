// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class SeamFinderTest {
  @Test
  void noRangesNoEnd() {
    assertThat(new SeamFinder(new long[0], new long[0]).endOfRange(5)).isZero();
  }

  @Test
  void endsOfNeighboursAndGaps() {
    SeamFinder seams = new SeamFinder(new long[] {10, 20, 40}, new long[] {20, 30, 50});
    assertThat(seams.endOfRange(9)).isZero();
    assertThat(seams.endOfRange(10)).isEqualTo(20);
    assertThat(seams.endOfRange(19)).isEqualTo(20);
    assertThat(seams.endOfRange(20)).isEqualTo(30);
    assertThat(seams.endOfRange(30)).isZero();
    assertThat(seams.endOfRange(49)).isEqualTo(50);
    assertThat(seams.endOfRange(50)).isZero();
    assertThat(seams.endOfRange(10)).isEqualTo(20);
  }

  @Test
  void answersAsALinearSearchDoes() {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("SeamFinder: replay with -Dseed=" + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 200; round++) {
      int count = 1 + random.nextInt(10);
      long[] starts = new long[count];
      long[] ends = new long[count];
      long at = 1;
      for (int i = 0; i < count; i++) {
        starts[i] = at + random.nextInt(3);
        ends[i] = starts[i] + 1 + random.nextInt(5);
        at = ends[i];
      }
      SeamFinder seams = new SeamFinder(starts, ends);
      for (int i = 0; i < 100; i++) {
        long address = random.nextInt((int) at + 3);
        long expected = 0;
        for (int r = 0; r < count; r++) {
          if (address >= starts[r] && address < ends[r]) {
            expected = ends[r];
          }
        }
        assertThat(seams.endOfRange(address)).isEqualTo(expected);
      }
    }
  }
}
