// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transfer.Operation;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The requests of one connection that are not answered yet, oldest first: the order in which a
 * target answers them. Columns instead of objects, made once. One more than it has places is
 * refused with an {@link IllegalStateException}, and nothing has changed. Confined to an event
 * loop.
 *
 * <p>Positions count up for ever; the oldest is {@link #first()}, the newest {@link #end()} - 1. A
 * vectored request takes one position for each of its ranges; the first of them heads the frame.
 */
final class RequestRing implements RequestSink<TransferTask> {
  /**
   * Bytes of small requests claimed at a time, which are copied and then handed to the kernel: so
   * many that a system call is worth while, so few that the target works on them while we copy the
   * next.
   */
  private static final long CLAIM_SMALL_BYTES = 256 << 10;

  private final int lane;
  private final int mask;
  private final long bytesOutLimit;
  private final @Nullable TransferTask[] task;
  private final int[] block;
  private final long[] local;
  private final long[] remote;
  private final long[] length;
  private final long[] streamStart;
  private final boolean[] unmerged;
  private final boolean[] read;
  private final boolean[] confirms;

  /** The number of ranges of the frame that a position heads; 0 behind the head. */
  private final int[] ranges;

  private long first;
  private long end;
  private int largeReads;
  private long bytesOut;
  private long smallBytes;
  private long claimedSmallBytes;
  private int frames;

  /**
   * An empty ring.
   *
   * @param capacity the most requests, a power of two
   * @param bytesOutLimit bytes of requests that may be out; see {@link #hasRoom}
   */
  RequestRing(int capacity, long bytesOutLimit) {
    this(capacity, bytesOutLimit, 0);
  }

  /**
   * An empty ring of one of several connections.
   *
   * @param lane the connection's number
   */
  RequestRing(int capacity, long bytesOutLimit, int lane) {
    this.lane = lane;
    mask = capacity - 1;
    this.bytesOutLimit = bytesOutLimit;
    task = new @Nullable TransferTask[capacity];
    block = new int[capacity];
    local = new long[capacity];
    remote = new long[capacity];
    length = new long[capacity];
    streamStart = new long[capacity];
    unmerged = new boolean[capacity];
    read = new boolean[capacity];
    confirms = new boolean[capacity];
    ranges = new int[capacity];
  }

  @Override
  public int lane() {
    return lane;
  }

  @Override
  public void request(
      TransferTask owner,
      int firstBlock,
      long localAddress,
      long remoteAddress,
      long bytes,
      boolean isUnmerged) {
    int slot = takeSlot();
    task[slot] = owner;
    block[slot] = firstBlock;
    local[slot] = localAddress;
    unmerged[slot] = isUnmerged;
    fill(slot, remoteAddress, bytes, owner.operation() == Operation.READ);
    if (bytes < StagingBlock.DIRECT_BYTES_MIN) {
      claimedSmallBytes += bytes;
    }
    if (isLargeRead(end - 1)) {
      largeReads++;
    }
  }

  /**
   * {@return whether the limit of bytes allows for one more request} Small requests may use only
   * half of the window: they are copied through buffers, which takes as much room in the caches
   * again.
   *
   * @param shared whether another lane has nothing to do; then half is enough, so that it gets the
   *     rest
   */
  boolean hasRoom(boolean shared) {
    return hasSmallRoom() && bytesOut < (shared ? bytesOutLimit / 2 : bytesOutLimit);
  }

  private boolean hasSmallRoom() {
    return smallBytes < bytesOutLimit / 2;
  }

  /** A claim begins; see {@link #isFull()}. */
  void beginClaim() {
    claimedSmallBytes = 0;
  }

  /** {@return whether the claim has got enough small requests, or the ring has} */
  @Override
  public boolean isFull() {
    return claimedSmallBytes >= CLAIM_SMALL_BYTES || !hasSmallRoom();
  }

  private void fill(int slot, long remoteAddress, long bytes, boolean isRead) {
    remote[slot] = remoteAddress;
    length[slot] = bytes;
    read[slot] = isRead;
    confirms[slot] = false;
    streamStart[slot] = Long.MAX_VALUE;
    ranges[slot] = 1;
    frames++;
    bytesOut += bytes;
    if (bytes < StagingBlock.DIRECT_BYTES_MIN) {
      smallBytes += bytes;
    }
  }

  /** Adds a 1-byte read that only proves that the writes before it have arrived. */
  void confirmation(long remoteAddress) {
    int slot = takeSlot();
    task[slot] = null;
    fill(slot, remoteAddress, 1, true);
  }

  /** Adds a 1-byte read whose answer completes a write that an earlier connection has sent. */
  void confirmation(UnconfirmedWrite write) {
    int slot = takeSlot();
    task[slot] = write.task();
    block[slot] = write.block();
    local[slot] = write.local();
    unmerged[slot] = write.unmerged();
    fill(slot, write.remote(), write.length(), true);
    confirms[slot] = true;
  }

  /** {@return whether it stands for a write that was sent before, rather than for itself} */
  boolean confirms(long position) {
    return confirms[slot(position)];
  }

  /** {@return the write that it stands for, or is; only while it has a task} */
  UnconfirmedWrite write(long position) {
    return new UnconfirmedWrite(
        Objects.requireNonNull(task(position)),
        block(position),
        local(position),
        remote(position),
        length(position),
        unmerged(position));
  }

  /** {@return the bytes that the wire carries for it} */
  long wireLength(long position) {
    return confirms(position) ? 1 : length(position);
  }

  /** {@return where on the peer those are} */
  long wireRemote(long position) {
    return confirms(position) ? remote(position) + length(position) - 1 : remote(position);
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

  /**
   * Adds one of another ring, with its place in a frame.
   *
   * @param base where the stream of the other ring begins in that of this one
   */
  void add(RequestRing from, long position, long base) {
    int slot = takeSlot();
    int other = from.slot(position);
    task[slot] = from.task[other];
    block[slot] = from.block[other];
    local[slot] = from.local[other];
    unmerged[slot] = from.unmerged[other];
    fill(slot, from.remote[other], from.length[other], from.read[other]);
    streamStart[slot] = base + from.streamStart[other];
    ranges[slot] = from.ranges[other];
    frames -= ranges[slot] == 0 ? 1 : 0;
    if (isLargeRead(end - 1)) {
      largeReads++;
    }
  }

  void removeFirst() {
    remove(first);
    first++;
  }

  /** Takes the newest away, which is not in the stream. */
  void removeLast() {
    remove(end - 1);
    end--;
  }

  private void remove(long position) {
    int slot = slot(position);
    if (isLargeRead(position)) {
      largeReads--;
    }
    bytesOut -= length[slot];
    if (ranges[slot] > 0) {
      frames--;
    }
    if (length[slot] < StagingBlock.DIRECT_BYTES_MIN) {
      smallBytes -= length[slot];
    }
    task[slot] = null;
  }

  /**
   * Its task has ended: the request keeps its place, since it will be answered, but is nobody's.
   */
  void orphan(long position) {
    if (isLargeRead(position)) {
      largeReads--;
    }
    task[slot(position)] = null;
  }

  void clear() {
    while (size() > 0) {
      removeFirst();
    }
  }

  /** Makes one frame of the requests from a position on. */
  void join(long head, int count) {
    ranges[slot(head)] = count;
    for (int i = 1; i < count; i++) {
      ranges[slot(head + i)] = 0;
    }
    frames -= count - 1;
  }

  /** {@return how many requests the frame has that this one heads; 0 when it heads none} */
  int ranges(long position) {
    return ranges[slot(position)];
  }

  /** {@return the frames whose head is not answered yet} */
  int frames() {
    return frames;
  }

  int capacity() {
    return mask + 1;
  }

  /** {@return the number of reads whose bodies are to be read straight into their memory} */
  int largeReads() {
    return largeReads;
  }

  /** {@return whether its body is to be read straight to where it belongs} */
  boolean isLargeRead(long position) {
    int slot = slot(position);
    return read[slot]
        && !confirms[slot]
        && task[slot] != null
        && length[slot] >= StagingBlock.DIRECT_BYTES_MIN;
  }

  /** {@return whose request it is; null for a confirmation, and when its task has ended} */
  @Nullable TransferTask task(long position) {
    return task[slot(position)];
  }

  /** {@return whether the answer has a body} */
  boolean isRead(long position) {
    return read[slot(position)];
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

  /** Notes where in the outbound stream the request begins: its header, or in a frame its body. */
  void startsAt(long position, long offset) {
    streamStart[slot(position)] = offset;
  }

  /** {@return where it begins; {@link Long#MAX_VALUE} when it is not in the stream yet} */
  long streamStart(long position) {
    return streamStart[slot(position)];
  }

  /** {@return the last request that begins at or before an offset of the stream, if any} */
  long sentUpTo(long offset) {
    long position = end - 1;
    while (position >= first && streamStart(position) > offset) {
      position--;
    }
    return position;
  }

  /**
   * {@return the bytes of the answers from a position on, up to the body of the next large read}
   *
   * @param statusBytes what each frame's answer begins with
   * @param sumBytes what the bodies of a frame are followed by
   */
  long bytesBeforeLargeRead(long from, int statusBytes, int sumBytes) {
    long bytes = 0;
    for (long position = from; position < end; position++) {
      // A range behind the head of its frame has no status of its own.
      bytes += ranges(position) > 0 ? statusBytes : 0;
      if (isLargeRead(position)) {
        break;
      }
      bytes += isRead(position) ? wireLength(position) : 0;
      bytes += isRead(position) && isLastOfFrame(position) ? sumBytes : 0;
    }
    return bytes;
  }

  /** {@return whether the next one belongs to another frame, or is not here yet} */
  boolean isLastOfFrame(long position) {
    return position + 1 == end || ranges(position + 1) > 0;
  }

  @Override
  public String toString() {
    return "positions %d to %d of %d, %d frames, %d bytes out, %d of them small, %d large reads"
        .formatted(first, end, capacity(), frames, bytesOut, smallBytes, largeReads);
  }

  boolean contains(TransferTask wanted) {
    for (long position = first; position < end; position++) {
      if (task[slot(position)] == wanted) {
        return true;
      }
    }
    return false;
  }

  /**
   * The next place. Whoever asks for one more than there are has miscounted; to give away a place
   * that is in use would let its request be forgotten, and the transfer never end.
   */
  private int takeSlot() {
    if (size() > mask) {
      throw new IllegalStateException("All %d places of the lane are taken".formatted(capacity()));
    }
    return slot(end++);
  }

  private int slot(long position) {
    return (int) position & mask;
  }
}
