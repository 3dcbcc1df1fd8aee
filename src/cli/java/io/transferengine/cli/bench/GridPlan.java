// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandException;
import io.transferengine.transfer.Operation;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Every operation with every size and batch.
 *
 * @param memoryBytes the memory for a row on each side; larger batches use places again
 */
record GridPlan(
    List<Operation> operations,
    List<Long> sizes,
    List<Integer> batches,
    int threads,
    boolean adjacent,
    long memoryBytes) {

  /** A page between two blocks, so that they are not joined. */
  static final long GAP_BYTES = 4096;

  GridPlan {
    operations = List.copyOf(operations);
    sizes = List.copyOf(sizes);
    batches = List.copyOf(batches);
    for (long size : sizes) {
      if (size > memoryBytes) {
        throw CommandException.usage(
            "--sizes %d: a block must fit into --memory, %d bytes".formatted(size, memoryBytes));
      }
    }
  }

  /**
   * A combination, and the places of its blocks.
   *
   * @param slots places, shared by the blocks of all threads
   * @param strideBytes from one place to the next
   */
  record Row(Operation operation, long blockBytes, int batch, int slots, long strideBytes) {

    /** {@return the length of all places} */
    long extentBytes() {
      return (slots - 1) * strideBytes + blockBytes;
    }

    /** {@return the offsets of one thread's blocks from the start of the memory} */
    LongStream offsets(int thread) {
      long first = (long) thread * batch;
      return LongStream.range(first, first + batch).map(block -> block % slots * strideBytes);
    }

    long batchBytes() {
      return batch * blockBytes;
    }
  }

  List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    for (long size : sizes) {
      for (int batch : batches) {
        operations.forEach(operation -> rows.add(row(operation, size, batch)));
      }
    }
    return rows;
  }

  private Row row(Operation operation, long size, int batch) {
    long stride = adjacent ? size : size + GAP_BYTES;
    long places = (memoryBytes - size) / stride + 1;
    int slots = (int) Math.min((long) batch * threads, places);
    return new Row(operation, size, batch, slots, stride);
  }
}
