// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.Operation;
import java.util.List;
import org.junit.jupiter.api.Test;

class GridPlanTest {
  private static GridPlan plan(long size, int batch, int threads, boolean adjacent, long memory) {
    return new GridPlan(
        List.of(Operation.WRITE), List.of(size), List.of(batch), threads, adjacent, memory);
  }

  @Test
  void blocksAreNotAdjacentUnlessAskedFor() {
    GridPlan.Row apart = plan(4096, 3, 1, false, 1 << 20).rows().getFirst();
    GridPlan.Row together = plan(4096, 3, 1, true, 1 << 20).rows().getFirst();

    assertThat(apart.offsets(0)).containsExactly(0L, 8192L, 16384L);
    assertThat(apart.extentBytes()).isEqualTo(16384 + 4096);
    assertThat(together.offsets(0)).containsExactly(0L, 4096L, 8192L);
  }

  @Test
  void threadsHaveBlocksOfTheirOwn() {
    GridPlan.Row row = plan(4096, 2, 2, true, 1 << 20).rows().getFirst();

    assertThat(row.offsets(0)).containsExactly(0L, 4096L);
    assertThat(row.offsets(1)).containsExactly(8192L, 12288L);
  }

  @Test
  void aLargeBatchUsesPlacesAgain() {
    long mebibyte = 1 << 20;
    GridPlan.Row row = plan(16 * mebibyte, 128, 1, false, 512 * mebibyte).rows().getFirst();

    assertThat(row.extentBytes()).isLessThanOrEqualTo(512 * mebibyte);
    assertThat(row.slots()).isEqualTo(31);
    assertThat(row.offsets(0).skip(31).findFirst()).hasValue(0);
    assertThat(row.batchBytes()).isEqualTo(2048 * mebibyte);
  }
}
