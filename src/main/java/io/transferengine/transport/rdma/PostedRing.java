// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.transport.TransferTask;
import org.jspecify.annotations.Nullable;

/**
 * The requests that are posted on one queue pair, oldest first. They complete in this order. The
 * fields of the requests are in arrays that are allocated once. Confined to a worker.
 *
 * <p>Positions only grow; the oldest request is at {@link #first()}, the newest at {@link #end()} -
 * 1. A request without a task is a probe.
 */
final class PostedRing {
  private final int mask;
  private final int capacity;
  private final @Nullable TransferTask[] task;
  private final int[] block;
  private final long[] local;
  private final long[] remote;
  private final int[] length;
  private long first;
  private long end;
  private long bytes;

  /**
   * Creates an empty ring.
   *
   * @param capacity the highest number of requests
   */
  PostedRing(int capacity) {
    this.capacity = capacity;
    int size = Integer.highestOneBit(Math.max(1, 2 * capacity - 1));
    mask = size - 1;
    task = new @Nullable TransferTask[size];
    block = new int[size];
    local = new long[size];
    remote = new long[size];
    length = new int[size];
  }

  /**
   * Adds a request at the position {@link #end()}.
   *
   * @throws IllegalStateException if there is no {@link #room()}: the caller has miscounted, and
   *     would overwrite a request that is posted
   */
  void add(
      @Nullable TransferTask owner,
      int firstBlock,
      long localAddress,
      long remoteAddress,
      int lengthBytes) {
    if (room() <= 0) {
      throw new IllegalStateException("All " + capacity + " places of the queue are taken");
    }
    int slot = slot(end++);
    task[slot] = owner;
    block[slot] = firstBlock;
    local[slot] = localAddress;
    remote[slot] = remoteAddress;
    length[slot] = lengthBytes;
    bytes += lengthBytes;
  }

  /** Removes the newest request, because it was not posted. */
  void removeLast() {
    int slot = slot(--end);
    task[slot] = null;
    bytes -= length[slot];
  }

  void removeFirst() {
    int slot = slot(first++);
    task[slot] = null;
    bytes -= length[slot];
  }

  long first() {
    return first;
  }

  long end() {
    return end;
  }

  int size() {
    return (int) (end - first);
  }

  int room() {
    return capacity - size();
  }

  /** {@return the bytes of all requests} */
  long bytes() {
    return bytes;
  }

  boolean contains(TransferTask wanted) {
    for (long position = first; position < end; position++) {
      if (task[slot(position)] == wanted) {
        return true;
      }
    }
    return false;
  }

  /** {@return the task that the request belongs to; null for a probe} */
  @Nullable TransferTask task(long position) {
    return task[slot(position)];
  }

  int block(long position) {
    return block[slot(position)];
  }

  long local(long position) {
    return local[slot(position)];
  }

  long remote(long position) {
    return remote[slot(position)];
  }

  int length(long position) {
    return length[slot(position)];
  }

  private int slot(long position) {
    return (int) position & mask;
  }
}
