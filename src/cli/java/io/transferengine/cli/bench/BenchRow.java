// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Units;
import io.transferengine.transfer.Operation;
import java.util.Locale;

/**
 * What a line of the table is about.
 *
 * @param workload where the blocks come from: {@link #GRID}, a preset with its tokens, or a trace
 * @param blockBytes the length of each block
 * @param batch blocks of a batch; of a trace's requests on average
 */
record BenchRow(String workload, Operation operation, long blockBytes, int batch) {
  static final String GRID = "grid";

  String operationName() {
    return operation.name().toLowerCase(Locale.ROOT);
  }

  /** {@return the row for people, such as {@code write 4 KiB x 128}} */
  String label() {
    String shape = operationName() + " " + Units.size(blockBytes) + " x " + Units.count(batch);
    return workload.equals(GRID) ? shape : workload + " " + shape;
  }
}
