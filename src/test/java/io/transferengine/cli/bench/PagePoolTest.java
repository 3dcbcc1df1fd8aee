// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.target.PagedMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PagePoolTest {
  private static long[] unshared(int count) {
    long[] keys = new long[count];
    Arrays.fill(keys, PagePool.NO_KEY);
    return keys;
  }

  private static int[] acquire(PagePool pool, long... keys) {
    return pool.acquire(keys).orElseThrow();
  }

  @Test
  void aNewPoolDealsOutNeighbours() {
    PagePool pool = new PagePool(8);

    assertThat(acquire(pool, unshared(3))).containsExactly(0, 1, 2);
    assertThat(acquire(pool, unshared(2))).containsExactly(3, 4);
    assertThat(pool.free()).isEqualTo(3);
  }

  @Test
  void whatWasReleasedFirstIsTakenFirstAndTheEndOfAPrefixBeforeItsStart() {
    PagePool pool = new PagePool(4);
    int[] first = acquire(pool, unshared(2));
    int[] second = acquire(pool, unshared(2));
    pool.release(second);
    pool.release(first);

    assertThat(acquire(pool, unshared(4))).containsExactly(3, 2, 1, 0);
  }

  @Test
  void aPrefixIsSharedInUseAndWhenFree() {
    PagePool pool = new PagePool(4);
    int[] first = acquire(pool, 10, 11);

    assertThat(acquire(pool, 10, 11, 12)).containsExactly(first[0], first[1], 2);
    assertThat(pool.free()).isEqualTo(1);
    assertThat(pool.hits()).isEqualTo(2);
    pool.release(first);
    assertThat(pool.free()).isEqualTo(1);
    pool.release(new int[] {first[0], first[1], 2});
    assertThat(pool.free()).isEqualTo(4);
    assertThat(acquire(pool, 11)).containsExactly(first[1]);
    assertThat(pool.hits()).isEqualTo(3);
  }

  @Test
  void evictsTheLeastRecentlyUsed() {
    PagePool pool = new PagePool(2);
    pool.release(acquire(pool, 1));
    pool.release(acquire(pool, 2));
    pool.release(acquire(pool, 1));
    pool.release(acquire(pool, 3));

    assertThat(pool.has(1)).isTrue();
    assertThat(pool.has(2)).isFalse();
    assertThat(pool.has(3)).isTrue();
  }

  @Test
  void takesNothingWhenThereAreNotEnough() {
    PagePool pool = new PagePool(3);
    pool.release(acquire(pool, 1));

    assertThat(pool.acquire(new long[] {1, 2, 3, 4})).isEmpty();
    assertThat(pool.free()).isEqualTo(3);
    assertThat(pool.has(1)).isTrue();
  }

  @Test
  void aPageIsReleasedOnce() {
    PagePool pool = new PagePool(2);
    int[] pages = acquire(pool, 1);
    pool.release(pages);

    assertThatThrownBy(() -> pool.release(pages)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void anOldPoolIsWholeAndDealsOutFewNeighbours() {
    int pages = 540;
    int[] here = acquire(PagePool.aged(pages, 1), unshared(pages));
    int[] there = acquire(PagePool.aged(pages, 2), unshared(pages));

    assertThat(here).doesNotHaveDuplicates().hasSize(pages);
    assertThat(acquire(PagePool.aged(pages, 1), unshared(pages))).isEqualTo(here);
    assertThat(PagedMemory.runs(here, there)).isGreaterThan(pages * 9 / 10);
    assertThat(PagedMemory.runs(here, here)).isBetween(pages / 2, pages);
  }

  @Test
  void countsRunsOfNeighboursOnBothSides() {
    assertThat(PagedMemory.runs(new int[0], new int[0])).isZero();
    assertThat(PagedMemory.runs(new int[] {4, 5, 6}, new int[] {1, 2, 3})).isEqualTo(1);
    assertThat(PagedMemory.runs(new int[] {4, 5, 6}, new int[] {1, 2, 9})).isEqualTo(2);
    assertThat(PagedMemory.runs(new int[] {4, 3, 6}, new int[] {1, 2, 3})).isEqualTo(3);
  }

  /** Random use beside plain bookkeeping: nobody loses a page, or gets one with other content. */
  @Test
  void keepsEveryPageAndItsContent() {
    long seed = Long.getLong("seed", System.nanoTime());
    Random random = new Random(seed);
    PagePool pool = new PagePool(24);
    List<int[]> held = new ArrayList<>();
    List<long[]> heldKeys = new ArrayList<>();
    for (int step = 0; step < 20_000; step++) {
      if (!held.isEmpty() && random.nextInt(3) == 0) {
        int which = random.nextInt(held.size());
        pool.release(held.remove(which));
        heldKeys.remove(which);
      } else {
        long prefix = random.nextInt(5);
        long[] keys = unshared(1 + random.nextInt(6));
        for (int i = 0; i < keys.length - random.nextInt(2); i++) {
          keys[i] = prefix * 100 + i;
        }
        pool.acquire(keys)
            .ifPresent(
                pages -> {
                  held.add(pages);
                  heldKeys.add(keys);
                });
      }
      check(pool, held, heldKeys, "-Dseed=" + seed);
    }
  }

  private static void check(PagePool pool, List<int[]> held, List<long[]> keys, String replay) {
    Map<Integer, Long> content = new HashMap<>();
    Set<Integer> inUse = new HashSet<>();
    for (int i = 0; i < held.size(); i++) {
      for (int p = 0; p < held.get(i).length; p++) {
        int page = held.get(i)[p];
        long key = keys.get(i)[p];
        boolean first = inUse.add(page);
        assertThat(first || key != PagePool.NO_KEY).as(replay).isTrue();
        assertThat(content.merge(page, key, (old, now) -> old)).as(replay).isEqualTo(key);
      }
    }
    assertThat(pool.free()).as(replay).isEqualTo(pool.pages() - inUse.size());
  }
}
