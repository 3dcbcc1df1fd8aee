// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A batch never has more bytes than can be counted, and says which blocks a range holds, however
 * its blocks are given.
 */
@Timeout(60)
class BlockColumnsTest {
  private static final long HUGE = 1L << 61;

  private static void assertTooMany(ThrowingCallable made) {
    assertThatThrownBy(made)
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("more than 2^63 - 1 bytes");
  }

  @Test
  void listedBlocksAreCounted() {
    long[] addresses = {4096, 4096, 4096, 4096};
    assertTooMany(() -> BlockColumns.of(addresses, addresses, new long[] {HUGE, HUGE, HUGE, HUGE}));
  }

  @Test
  void blocksOfAllPartsAreCounted() {
    BlockColumns part = BlockColumns.of(4096, 4096, HUGE);
    assertTooMany(() -> BlockColumns.concat(Collections.nCopies(4, part)));
  }

  @Test
  void pagesAreCounted() {
    // The sums overflow to a negative number, to zero and to a positive one.
    for (int count : new int[] {4, 8, 9}) {
      BlockLayout layout = new BlockLayout(4096, HUGE, HUGE, new int[count]);
      assertTooMany(() -> BlockColumns.paged(layout, layout));
    }
    BlockLayout most = new BlockLayout(4096, HUGE, HUGE, new int[3]);
    assertThat(BlockColumns.paged(most, most).totalBytes()).isEqualTo(3 * HUGE);
  }

  @Test
  void findsTheFirstBlockOutsideARange() {
    long[] starts = {4096, 8192, 12288, 4096, 4097};
    long[] away = {1 << 20, 2 << 20, 3 << 20, 4 << 20, 5 << 20};
    assertOutside(BlockColumns.of(starts, away, new long[] {4096, 4096, 4096, 4096, 4096}));
    assertOutside(
        BlockColumns.paged(
            new BlockLayout(4096, 1, 4096, new int[] {0, 4096, 8192, 0, 1}),
            new BlockLayout(1 << 20, 1 << 20, 4096, new int[] {0, 1, 2, 3, 4})));
  }

  /** Blocks of 4096 bytes at 4096, 8192, 12288, 4096 and 4097. */
  private static void assertOutside(BlockColumns blocks) {
    assertThat(blocks.firstOutside(0, 4096, 16384)).isEqualTo(5);
    assertThat(blocks.firstOutside(0, 4096, 16383)).isEqualTo(2);
    assertThat(blocks.firstOutside(3, 4096, 8193)).isEqualTo(5);
    assertThat(blocks.firstOutside(3, 4096, 8192)).isEqualTo(4);
    assertThat(blocks.firstOutside(0, 4097, 16384)).isEqualTo(0);
    assertThat(blocks.firstOutside(1, 8192, 16384)).isEqualTo(3);
    assertThat(blocks.firstOutside(2, 4096, 8192)).isEqualTo(2);
    assertThat(blocks.firstOutside(5, 4096, 8192)).isEqualTo(5);
  }
}
