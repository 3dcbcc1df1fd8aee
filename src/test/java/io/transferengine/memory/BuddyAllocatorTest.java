// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.memory.BuddyAllocator.FreeResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BuddyAllocatorTest {
  private static final long KIB = 1024;
  private static final long LEAF = 8 * KIB;

  @Test
  void firstBlockOfFreshPoolLiesAtItsBase() {
    var allocator = new BuddyAllocator(64 * KIB);

    assertThat(allocator.allocate(1)).isZero();
    assertThat(allocator.allocate(8 * KIB + 1)).isEqualTo(16 * KIB);
  }

  @Test
  void thePictureOfTheClassCommentIsTrue() {
    var allocator = new BuddyAllocator(64 * KIB);

    assertThat(allocator.allocate(5 * KIB)).isZero();
    assertThat(allocator.allocate(30 * KIB)).isEqualTo(32 * KIB);

    assertThat(allocator.largestFreeBytes()).isEqualTo(16 * KIB);
    assertThat(allocator.freeBytes()).isEqualTo(24 * KIB);
  }

  @Test
  void smallRequestsLeaveLargeBlocksWhole() {
    var allocator = new BuddyAllocator(64 * KIB);
    long left = allocator.allocate(32 * KIB);
    allocator.allocate(LEAF);
    allocator.free(left, 32 * KIB);

    assertThat(allocator.allocate(LEAF)).isEqualTo(40 * KIB);
    assertThat(allocator.allocate(32 * KIB)).isZero();
  }

  @Test
  void fullPoolReturnsMinusOneAndServesAgainAfterFree() {
    var allocator = new BuddyAllocator(32 * KIB);
    for (int i = 0; i < 4; i++) {
      assertThat(allocator.allocate(LEAF)).isEqualTo(i * LEAF);
    }
    assertThat(allocator.allocate(1)).isEqualTo(-1);
    assertThat(allocator.largestFreeBytes()).isZero();

    assertThat(allocator.free(8 * KIB, 8 * KIB)).isEqualTo(FreeResult.FREED);
    assertThat(allocator.allocate(9 * KIB)).isEqualTo(-1);
    assertThat(allocator.allocate(3)).isEqualTo(LEAF);
  }

  @Test
  void wholePoolAndMoreThanIt() {
    var allocator = new BuddyAllocator(LEAF);
    assertThat(allocator.allocate(8 * KIB + 1)).isEqualTo(-1);
    assertThat(allocator.allocate(Long.MAX_VALUE)).isEqualTo(-1);
    assertThat(allocator.allocate(LEAF)).isZero();
    assertThat(allocator.free(0, 8 * KIB)).isEqualTo(FreeResult.FREED);
    assertThat(allocator.isEmpty()).isTrue();
  }

  @Test
  void wrongFreesAreToldApartAndChangeNothing() {
    var allocator = new BuddyAllocator(64 * KIB);
    long offset = allocator.allocate(20 * KIB);

    assertThat(allocator.free(offset, 32 * KIB)).isEqualTo(FreeResult.WRONG_LENGTH);
    assertThat(allocator.free(offset, 0)).isEqualTo(FreeResult.WRONG_LENGTH);
    assertThat(allocator.free(offset, -20 * KIB)).isEqualTo(FreeResult.WRONG_LENGTH);
    assertThat(allocator.free(offset + 8 * KIB, 20 * KIB)).isEqualTo(FreeResult.NOT_ALLOCATED);
    assertThat(allocator.free(offset + 1, 20 * KIB)).isEqualTo(FreeResult.NOT_ALLOCATED);
    assertThat(allocator.free(-8 * KIB, 20 * KIB)).isEqualTo(FreeResult.NOT_ALLOCATED);
    assertThat(allocator.free(64 * KIB, 20 * KIB)).isEqualTo(FreeResult.NOT_ALLOCATED);
    assertThat(allocator.freeBytes()).isEqualTo(32 * KIB);

    assertThat(allocator.free(offset, 20 * KIB)).isEqualTo(FreeResult.FREED);
    assertThat(allocator.free(offset, 20 * KIB)).isEqualTo(FreeResult.ALREADY_FREE);
    assertThat(allocator.free(offset, -20 * KIB)).isEqualTo(FreeResult.ALREADY_FREE);
    assertThat(allocator.freeBytes()).isEqualTo(64 * KIB);
  }

  @Test
  void impossiblePoolsAndLengthsAreRefused() {
    for (long bytes : new long[] {0, -1, 4 * KIB, 24 * KIB, 128L << 30, Long.MIN_VALUE}) {
      assertThatThrownBy(() -> new BuddyAllocator(bytes))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(Long.toString(bytes));
    }
    var allocator = new BuddyAllocator(LEAF);
    assertThatThrownBy(() -> allocator.allocate(0)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void classesArePowersOfTwoFromEightKib() {
    assertThat(BuddyAllocator.classBytes(1)).isEqualTo(LEAF);
    assertThat(BuddyAllocator.classBytes(LEAF)).isEqualTo(LEAF);
    assertThat(BuddyAllocator.classBytes(8 * KIB + 1)).isEqualTo(16 * KIB);
    assertThat(BuddyAllocator.classBytes(1L << 62)).isEqualTo(1L << 62);
    assertThat(BuddyAllocator.classBytes((1L << 62) + 1)).isEqualTo(Long.MAX_VALUE);
  }

  /**
   * The reference holds one boolean for each 8 KiB and knows nothing of trees: a request must
   * succeed exactly when some aligned run of its class is wholly free. That is the statement that
   * buddies are merged, that nothing overlaps, and that no byte is lost.
   */
  @Test
  void agreesWithNaiveReference() {
    Random random = Seeds.random("agreesWithNaiveReference");
    for (int round = 0; round < 20; round++) {
      int leaves = 1 << random.nextInt(8);
      var model = new Model(leaves);
      for (int step = 0; step < 2_000; step++) {
        // Rounds differ in how full the pool runs.
        if (random.nextInt(10) < 3 + round % 5) {
          model.allocate(random);
        } else {
          model.free(random);
        }
        model.compare();
      }
      model.drain();
    }
  }

  private record Block(long offset, long length) {}

  private static final class Model {
    final BuddyAllocator allocator;
    final boolean[] taken;
    final List<Block> blocks = new ArrayList<>();

    Model(int leaves) {
      allocator = new BuddyAllocator(leaves * LEAF);
      taken = new boolean[leaves];
    }

    void allocate(Random random) {
      long largest = LEAF << random.nextInt(Integer.numberOfTrailingZeros(taken.length) + 2);
      long length = Math.max(1, largest - random.nextLong(largest / 2));
      boolean possible = largestFreeRun() >= BuddyAllocator.classBytes(length);
      long offset = allocator.allocate(length);
      assertThat(offset >= 0).as("%d bytes possible", length).isEqualTo(possible);
      if (offset < 0) {
        return;
      }
      long classBytes = BuddyAllocator.classBytes(length);
      assertThat(offset % classBytes).isZero();
      for (int leaf = (int) (offset / LEAF), i = 0; i < classBytes / LEAF; i++) {
        assertThat(taken[leaf + i]).as("leaf %d", leaf + i).isFalse();
        taken[leaf + i] = true;
      }
      blocks.add(new Block(offset, length));
    }

    void free(Random random) {
      if (blocks.isEmpty()) {
        return;
      }
      free(blocks.remove(random.nextInt(blocks.size())));
    }

    void free(Block block) {
      assertThat(allocator.free(block.offset, block.length + 1)).isEqualTo(FreeResult.WRONG_LENGTH);
      assertThat(allocator.free(block.offset, block.length)).isEqualTo(FreeResult.FREED);
      assertThat(allocator.free(block.offset, block.length)).isEqualTo(FreeResult.ALREADY_FREE);
      int leaf = (int) (block.offset / LEAF);
      int count = (int) (BuddyAllocator.classBytes(block.length) / LEAF);
      Arrays.fill(taken, leaf, leaf + count, false);
    }

    /** The largest power of two whose multiples include the start of a free run of that length. */
    long largestFreeRun() {
      for (int size = taken.length; size > 0; size >>= 1) {
        for (int start = 0; start < taken.length; start += size) {
          if (isFree(start, size)) {
            return size * LEAF;
          }
        }
      }
      return 0;
    }

    boolean isFree(int start, int size) {
      for (int i = start; i < start + size; i++) {
        if (taken[i]) {
          return false;
        }
      }
      return true;
    }

    void compare() {
      int free = 0;
      for (boolean isTaken : taken) {
        free += isTaken ? 0 : 1;
      }
      assertThat(allocator.freeBytes()).isEqualTo(free * LEAF);
      assertThat(allocator.isEmpty()).isEqualTo(blocks.isEmpty());
      assertThat(allocator.largestFreeBytes()).isEqualTo(largestFreeRun());
    }

    void drain() {
      while (!blocks.isEmpty()) {
        free(blocks.removeLast());
        compare();
      }
      assertThat(allocator.allocate(allocator.poolBytes())).isZero();
    }
  }
}
