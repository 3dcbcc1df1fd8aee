// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.transferengine.bindings.ibv_wc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Memory for completions, {@code struct ibv_wc[]}, which is allocated once and used for every
 * {@link CompletionQueue#poll}. For one thread at a time. Methods throw {@link
 * IllegalStateException} after {@link #close}.
 */
public final class WorkCompletions implements AutoCloseable {
  /** The most completions of one poll. Larger batches gain nothing. */
  private static final int CAPACITY_LIMIT = 1 << 16;

  private static final long SIZE = ibv_wc.sizeof();
  private static final long WORK_REQUEST_ID = ibv_wc.wr_id$offset();
  private static final long STATUS = ibv_wc.status$offset();
  private static final long VENDOR_ERROR = ibv_wc.vendor_err$offset();
  private static final long QUEUE_PAIR_NUMBER = ibv_wc.qp_num$offset();

  private final int capacity;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;

  /**
   * Allocates memory for {@code capacity} completions. The caller closes it.
   *
   * @param capacity 1 to 65,536
   */
  public WorkCompletions(int capacity) {
    this.capacity = Ranges.require("capacity for completions", capacity, 1, CAPACITY_LIMIT);
    this.segment = arena.allocate(ibv_wc.layout().byteSize() * capacity, Long.BYTES);
  }

  /** {@return the number of completions that there is room for} */
  public int capacity() {
    return capacity;
  }

  /**
   * {@return the id that the request was posted with}
   *
   * @param i the index of the completion, less than the poll's result
   */
  public long workRequestId(int i) {
    return segment.get(JAVA_LONG, at(i) + WORK_REQUEST_ID);
  }

  /**
   * {@return the status of the request, as C's number; see {@link WorkCompletionStatus#of}}
   *
   * @param i the index of the completion, less than the poll's result
   */
  public int status(int i) {
    return segment.get(JAVA_INT, at(i) + STATUS);
  }

  /**
   * {@return the {@link QueuePair#number} of the queue pair}
   *
   * @param i the index of the completion, less than the poll's result
   */
  public int queuePairNumber(int i) {
    return segment.get(JAVA_INT, at(i) + QUEUE_PAIR_NUMBER);
  }

  /**
   * {@return the vendor's own number for a failure}
   *
   * @param i the index of the completion, less than the poll's result
   */
  public int vendorError(int i) {
    return segment.get(JAVA_INT, at(i) + VENDOR_ERROR);
  }

  private long at(int i) {
    return Objects.checkIndex(i, capacity) * SIZE;
  }

  MemorySegment segment() {
    return segment;
  }

  /** Frees the memory. Idempotent. No poll may be under way. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
