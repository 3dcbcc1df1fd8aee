// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LiveBlocksTest {
  private static final long POOL = 1 << 20;

  /** What a tree of the blocks says. */
  private static long endOfBlock(NavigableMap<Long, Long> blocks, long offset) {
    Map.Entry<Long, Long> below = blocks.floorEntry(offset);
    long end = below == null ? 0 : below.getKey() + below.getValue();
    return end > offset ? end : 0;
  }

  @Test
  void agreesWithATreeOfTheBlocks() {
    Random random = Seeds.random("agreesWithATreeOfTheBlocks");
    BuddyAllocator allocator = new BuddyAllocator(POOL);
    LiveBlocks live = LiveBlocks.ofPool(POOL);
    NavigableMap<Long, Long> expected = new TreeMap<>();
    for (int step = 0; step < 20_000; step++) {
      if (random.nextBoolean() || expected.isEmpty()) {
        long length = 1 + random.nextLong(1L << (10 + random.nextInt(9)));
        long offset = allocator.allocate(length);
        if (offset >= 0) {
          live.admit(offset, length);
          expected.put(offset, length);
        }
      } else {
        Long any = expected.floorKey(random.nextLong(POOL));
        long offset = any == null ? expected.firstKey() : any;
        long length = Objects.requireNonNull(expected.remove(offset));
        assertThat(live.refuse(offset)).isTrue();
        assertThat(live.refuse(offset)).as("twice").isFalse();
        assertThat(allocator.free(offset, length)).isEqualTo(BuddyAllocator.FreeResult.FREED);
      }
      for (int i = 0; i < 20; i++) {
        long offset = random.nextLong(POOL);
        assertThat(live.endOfBlock(offset)).isEqualTo(endOfBlock(expected, offset));
      }
    }
  }

  /**
   * One thread hands blocks of several sizes out over one place, others look: whatever they are
   * told must be a block that was handed out at some time, and none may reach into memory that
   * never was.
   */
  @Test
  void whoLooksMeanwhileIsNeverToldMoreThanABlock() throws Exception {
    LiveBlocks live = LiveBlocks.ofPool(64 << 10);
    AtomicBoolean over = new AtomicBoolean();
    AtomicReference<String> wrong = new AtomicReference<>();
    Thread[] lookers = new Thread[3];
    for (int i = 0; i < lookers.length; i++) {
      Random random = Seeds.random("whoLooksMeanwhileIsNeverToldMoreThanABlock " + i);
      lookers[i] =
          Thread.ofPlatform()
              .start(
                  () -> {
                    while (!over.get()) {
                      long offset = random.nextLong(64 << 10);
                      long end = live.endOfBlock(offset);
                      boolean whole = offset < 60_000 && end == 60_000;
                      boolean first = offset < 5_000 && end == 5_000;
                      boolean fifth = offset >= 32 << 10 && end == (32 << 10) + 9_000;
                      if (end != 0 && !whole && !first && !fifth) {
                        wrong.set(offset + " lies in a block that ends at " + end);
                      }
                    }
                  });
    }
    for (int round = 0; round < 100_000 && wrong.get() == null; round++) {
      live.admit(0, 60_000);
      boolean _ = live.refuse(0);
      live.admit(0, 5_000);
      live.admit(32 << 10, 9_000);
      boolean _ = live.refuse(0);
      boolean _ = live.refuse(32 << 10);
    }
    over.set(true);
    for (Thread looker : lookers) {
      looker.join();
    }
    assertThat(wrong.get()).isNull();
  }

  @Test
  void memoryOfOneBlockIsAllOrNothing() {
    LiveBlocks live = LiveBlocks.ofOneBlock();
    assertThat(live.endOfBlock(0)).isZero();
    live.admit(0, 3L << 30);
    assertThat(live.endOfBlock(0)).isEqualTo(3L << 30);
    assertThat(live.endOfBlock((3L << 30) - 1)).isEqualTo(3L << 30);
    assertThat(live.refuse(0)).isTrue();
    assertThat(live.endOfBlock(7)).isZero();
  }
}
