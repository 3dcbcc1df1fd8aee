// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Units;
import io.transferengine.transfer.Operation;
import java.util.Locale;

/**
 * The subject of a line of the table.
 *
 * @param workload where the blocks come from: {@link #GRID}, a preset with its tokens, or a trace
 * @param blockBytes the length of each block
 * @param batch blocks of a batch; for a trace the average of its requests
 */
record BenchRow(String workload, Operation operation, long blockBytes, int batch) {
  static final String GRID = "grid";

  String operationName() {
    return operation.name().toLowerCase(Locale.ROOT);
  }

  /** {@return whether a batch is one block of a size that was asked for} */
  boolean isSingleBlock() {
    return batch == 1 && isOfGrid();
  }

  /** {@return whether its blocks are all of a size that was asked for} */
  boolean isOfGrid() {
    return workload.equals(GRID);
  }

  /** {@return the row in words, such as {@code write 4 KiB x 128}} */
  String label() {
    String shape = operationName() + " " + Units.size(blockBytes) + " x " + Units.count(batch);
    return isOfGrid() ? shape : workload + " " + shape;
  }
}
