// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transfer.Operation;
import io.transferengine.transport.TransferTask;
import org.jspecify.annotations.Nullable;

/**
 * Lays the requests of a {@link RequestRing} into the outbound stream: as requests of the protocol,
 * or, towards a peer that takes them, many small ones as one vectored request. Confined to the
 * connection's event loop.
 */
final class RequestWriter {
  /**
   * Larger blocks go out as several requests towards peers that take several on a connection, so
   * that lanes share them, other transfers get between, there is a next request to work on while
   * the answer to one is under way, and what is left of one can be copied aside.
   */
  static final long REQUEST_BYTES_MAX = OutboundStream.ASIDE_BYTES_MAX;

  /**
   * Bodies from this length on go by themselves: a header and a status are nothing beside them, and
   * the target can read them straight to where they belong.
   */
  static final int VECTOR_BODY_BYTES_MAX = StagingBlock.DIRECT_BYTES_MIN - 1;

  /**
   * Ranges of one vectored request: beyond some dozens a header and a status cost next to nothing.
   */
  static final int RANGES_MAX = 256;

  /**
   * Bytes of one vectored request. The smaller, the sooner its status makes room for the next; two
   * of them are out on a lane at a time.
   */
  private static final long FRAME_BYTES_MAX = 256 << 10;

  private final RequestRing ring;
  private final boolean version2;
  private final @Nullable Checksum checksum;
  private long at;

  /**
   * @param checksum what everything is summed with; null on a connection without checksums
   */
  RequestWriter(RequestRing ring, boolean version2, @Nullable Checksum checksum) {
    this.checksum = checksum;
    this.ring = ring;
    this.version2 = version2;
  }

  /**
   * {@return how many of the requests from {@code head} on can go as one vectored request; 1 when
   * it has to go by itself}
   */
  int ranges(long head) {
    TransferTask task = ring.task(head);
    if (task == null || task.isSentOneByOne()) {
      return 1;
    }
    int count = 0;
    long bytes = 0;
    while (head + count < ring.end() && count < RANGES_MAX) {
      long position = head + count;
      long length = ring.length(position);
      bytes += length;
      if (length > VECTOR_BODY_BYTES_MAX
          || bytes > FRAME_BYTES_MAX
          || ring.task(position) != task) {
        break;
      }
      count++;
    }
    return Math.max(1, count);
  }

  /** {@return the request that was worked on last: after something was thrown, the one at fault} */
  long at() {
    return at;
  }

  /** Writes one request; when this throws, nothing of it is in the stream. */
  void plain(FrameStream outbound, long position) {
    outbound.begin();
    try {
      layPlain(outbound, position);
      if (isCopied(position)) {
        MemoryWindow.tellFaults();
      }
    } catch (Throwable t) {
      outbound.rollBack();
      throw t;
    }
    outbound.commit();
  }

  private void layPlain(FrameStream outbound, long position) {
    at = position;
    boolean write = !ring.isRead(position);
    ring.startsAt(position, outbound.queuedBytes());
    long header = outbound.reserve(Frames.HEADER_BYTES);
    Frames.writeHeader(
        header,
        ring.wireLength(position),
        ring.wireRemote(position),
        write ? Operation.WRITE : Operation.READ,
        version2);
    Checksum sums = checksum;
    if (sums != null) {
      Frames.sealHeader(header, sums);
    }
    if (write) {
      beginSum();
      body(outbound, position);
      sum(outbound);
    }
  }

  private void beginSum() {
    Checksum sums = checksum;
    if (sums != null) {
      var _ = sums.begin();
    }
  }

  /** Ends what was laid since {@link #beginSum} with its sum. */
  private void sum(FrameStream outbound) {
    Checksum sums = checksum;
    if (sums != null) {
      MemoryWindow.setIntLE(outbound.reserve(Frames.CHECK_BYTES), sums.value());
    }
  }

  private void body(FrameStream outbound, long position) {
    at = position;
    long length = ring.length(position);
    Checksum sums = checksum;
    if (sums != null) {
      var _ = sums.add(ring.local(position), length);
    }
    if (length < StagingBlock.DIRECT_BYTES_MIN) {
      outbound.copy(ring.local(position), (int) length);
    } else {
      outbound.body(ring.local(position), length, null);
    }
  }

  /** Writes several as one vectored request; when this throws, nothing of it is in the stream. */
  void vector(FrameStream outbound, long head, int count) {
    outbound.begin();
    try {
      layVector(outbound, head, count);
      if (isCopied(head)) {
        MemoryWindow.tellFaults();
      }
    } catch (Throwable t) {
      outbound.rollBack();
      if (t instanceof InternalError) {
        at = lost(head, count);
      }
      throw t;
    }
    outbound.commit();
  }

  private boolean isCopied(long position) {
    return !ring.isRead(position) && ring.length(position) < StagingBlock.DIRECT_BYTES_MIN;
  }

  /** The one whose memory is gone: by the time that was told, others had been copied. */
  private long lost(long head, int count) {
    for (long position = head; position < head + count; position++) {
      try {
        MemoryWindow.touch(ring.local(position), ring.length(position));
      } catch (InternalError e) {
        return position;
      }
    }
    return head;
  }

  private void layVector(FrameStream outbound, long head, int count) {
    at = head;
    ring.join(head, count);
    boolean write = !ring.isRead(head);
    final long start = outbound.queuedBytes();
    long bytes = 0;
    for (long position = head; position < head + count; position++) {
      bytes += ring.length(position);
    }
    long header = outbound.reserve(Frames.HEADER_BYTES);
    Frames.writeVectorHeader(header, bytes, count, write ? Operation.WRITE : Operation.READ);
    Checksum sums = checksum;
    if (sums != null) {
      Frames.sealHeader(header, sums);
    }
    beginSum();
    for (long position = head; position < head + count; position++) {
      // A read begins with its frame; so does the first body, and the others further on.
      ring.startsAt(position, start);
      long range = outbound.reserve(Frames.RANGE_BYTES);
      Frames.writeRange(range, ring.remote(position), ring.length(position));
      if (sums != null) {
        var _ = sums.add(range, Frames.RANGE_BYTES);
      }
    }
    sum(outbound);
    if (!write) {
      return;
    }
    beginSum();
    for (long position = head; position < head + count; position++) {
      if (position > head) {
        ring.startsAt(position, outbound.queuedBytes());
      }
      body(outbound, position);
    }
    sum(outbound);
  }

  /** {@return where in the stream the frame ends that {@code head} begins} */
  long streamEnd(long head) {
    int count = ring.ranges(head);
    long last = head + count - 1;
    return ring.streamStart(last) + ring.length(last) + (count == 1 ? Frames.HEADER_BYTES : 0);
  }
}
