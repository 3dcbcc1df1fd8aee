// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transfer.Operation;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import org.jspecify.annotations.Nullable;

/**
 * The requests of one connection that are not answered yet, oldest first: the order in which a
 * target answers them. Columns instead of objects, made once. Confined to an event loop.
 *
 * <p>Positions count up for ever; the oldest is {@link #first()}, the newest {@link #end()} - 1.
 */
final class RequestRing implements RequestSink {
  private final int mask;
  private final @Nullable TransferTask[] task;
  private final int[] block;
  private final long[] local;
  private final long[] remote;
  private final long[] length;
  private final long[] streamStart;
  private final boolean[] unmerged;
  private long first;
  private long end;
  private int largeReads;

  /**
   * An empty ring.
   *
   * @param capacity the most requests, a power of two
   */
  RequestRing(int capacity) {
    mask = capacity - 1;
    task = new @Nullable TransferTask[capacity];
    block = new int[capacity];
    local = new long[capacity];
    remote = new long[capacity];
    length = new long[capacity];
    streamStart = new long[capacity];
    unmerged = new boolean[capacity];
  }

  @Override
  public void request(
      TransferTask owner,
      int firstBlock,
      long localAddress,
      long remoteAddress,
      long bytes,
      boolean isUnmerged) {
    int slot = slot(end++);
    task[slot] = owner;
    block[slot] = firstBlock;
    local[slot] = localAddress;
    remote[slot] = remoteAddress;
    length[slot] = bytes;
    unmerged[slot] = isUnmerged;
    streamStart[slot] = Long.MAX_VALUE;
    if (isLargeRead(end - 1)) {
      largeReads++;
    }
  }

  /** Adds a 1-byte read that only proves that the writes before it have arrived. */
  void confirmation(long remoteAddress) {
    int slot = slot(end++);
    task[slot] = null;
    remote[slot] = remoteAddress;
    length[slot] = 1;
    streamStart[slot] = Long.MAX_VALUE;
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

  void removeFirst() {
    if (isLargeRead(first)) {
      largeReads--;
    }
    task[slot(first)] = null;
    first++;
  }

  void clear() {
    while (size() > 0) {
      removeFirst();
    }
  }

  /** {@return the number of reads whose bodies are to be read straight into their memory} */
  int largeReads() {
    return largeReads;
  }

  boolean isLargeRead(long position) {
    return isRead(position) && length[slot(position)] >= WireHandler.DIRECT_BYTES_MIN;
  }

  /** {@return whose request it is; null for a confirmation} */
  @Nullable TransferTask task(long position) {
    return task[slot(position)];
  }

  /** {@return whether the answer has a body} */
  boolean isRead(long position) {
    TransferTask owner = task[slot(position)];
    return owner == null || owner.operation() == Operation.READ;
  }

  long local(long position) {
    return local[slot(position)];
  }

  long remote(long position) {
    return remote[slot(position)];
  }

  long length(long position) {
    return length[slot(position)];
  }

  int block(long position) {
    return block[slot(position)];
  }

  boolean unmerged(long position) {
    return unmerged[slot(position)];
  }

  /** Notes where in the outbound stream the request's header begins. */
  void startsAt(long position, long offset) {
    streamStart[slot(position)] = offset;
  }

  /** {@return where its header begins; {@link Long#MAX_VALUE} when it is not in the stream yet} */
  long streamStart(long position) {
    return streamStart[slot(position)];
  }

  boolean contains(TransferTask wanted) {
    for (long position = first; position < end; position++) {
      if (task[slot(position)] == wanted) {
        return true;
      }
    }
    return false;
  }

  private int slot(long position) {
    return (int) position & mask;
  }
}
