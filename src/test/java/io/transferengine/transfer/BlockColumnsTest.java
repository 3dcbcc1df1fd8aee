// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A batch never has more bytes than can be counted, however its blocks are given. */
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
}
