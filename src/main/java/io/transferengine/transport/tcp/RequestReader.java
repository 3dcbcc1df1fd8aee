// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.memory.Region;
import org.jspecify.annotations.Nullable;

/**
 * Takes a target's stream apart: headers, the tables of vectored requests, and the bodies of
 * writes, which it puts where they belong. What a request means, and whether it may begin, is for
 * its {@link Listener} to say.
 *
 * <p>It looks at nothing further while {@link #isBlocked()}. Confined to the connection's event
 * loop.
 */
final class RequestReader {
  /** What makes of it what the protocol says. */
  interface Listener {
    /** {@return whether requests are still looked at; if not, what arrives is dropped} */
    boolean isListening();

    /** {@return whether there is room for the answer of one more request} */
    boolean hasRoom();

    /** A header is here; {@return whether its request has begun, or has been refused} */
    boolean mayBegin(long size, long address, int opcode);

    /** The table of a vectored request is complete: it is to be admitted, or cleared. */
    void tableArrived();

    /** {@return whether the vectored read that was admitted is over; else to be asked again} */
    boolean answerVector();

    /** The last byte of a write of version 2 is where it belongs. */
    void written();

    /** The memory that some bytes of a write were for is gone. */
    void lost(boolean version2, long address, int bytes);
  }

  private final RequestHeader header = new RequestHeader();
  private final VectorTable vector;
  private final InboundCounts counts;
  private final Listener listener;
  private @Nullable Region bodyRegion;
  private long bodyAddress;
  private long bodyBytesLeft;
  private long bodyBytes;
  private boolean bodyIsVersion2;
  private boolean lastBodyWasLarge;
  private boolean blocked;

  RequestReader(VectorTable vector, InboundCounts counts, Listener listener) {
    this.vector = vector;
    this.counts = counts;
    this.listener = listener;
  }

  // ---- where the next bytes go

  /** {@return how many bytes are to be read straight to {@link #bodyAddress()}; 0 for none} */
  long directBytes() {
    return bodyBytes >= StagingBlock.DIRECT_BYTES_MIN && !blocked ? bodyBytesLeft : 0;
  }

  /** {@return where the next byte of the body belongs} */
  long bodyAddress() {
    return bodyAddress;
  }

  int stagedBytesLimit() {
    // After a large body another one is likely: then the header alone, so that none of the body
    // has to be copied out of staging. A table that has begun is taken as it comes.
    return lastBodyWasLarge && bodyBytesLeft == 0 && !vector.isActive()
        ? Math.max(1, header.missingBytes())
        : Integer.MAX_VALUE;
  }

  int consumedBytesLimit() {
    if (blocked) {
      return 0;
    } else if (!listener.isListening()) {
      return Integer.MAX_VALUE;
    } else if (bodyBytesLeft > 0) {
      long bodies =
          vector.isActive() ? vector.bytesLeft() - bodyBytes + bodyBytesLeft : bodyBytesLeft;
      return (int) Math.min(bodies, Integer.MAX_VALUE);
    }
    return vector.isActive() ? vector.missingBytes() : header.missingBytes();
  }

  // ---- how it stands

  /** {@return whether no further request is looked at until answers have drained, or its turn} */
  boolean isBlocked() {
    return blocked;
  }

  void setBlocked(boolean now) {
    blocked = now;
  }

  /** {@return the bytes of the body, or of the range of one, that are missing} */
  long bodyBytesLeft() {
    return bodyBytesLeft;
  }

  /** {@return whether a part of a request is here, and the rest is not} */
  boolean isWithinRequest() {
    return bodyBytesLeft > 0 || !header.isEmpty() || vector.isActive();
  }

  /** {@return whether a version 1 write is under way that has bytes of a range still to come} */
  boolean isInVersion1Write(long from, long to) {
    return !bodyIsVersion2 && !vector.isActive() && isWriting(from, to);
  }

  /** {@return whether a request that is under way has to do with bytes of a range} */
  boolean isUsing(long from, long to) {
    return isWriting(from, to) || vector.isUsing(from, to);
  }

  private boolean isWriting(long from, long to) {
    return bodyBytesLeft > 0 && bodyAddress < to && bodyAddress + bodyBytesLeft > from;
  }

  // ---- what has arrived

  /** {@return how far it came: not to the end when it is {@link #isBlocked()} there} */
  long parse(long from, long to) {
    long at = from;
    blocked = false;
    while (listener.isListening()) {
      if (bodyBytesLeft > 0 && at < to) {
        int bytes = (int) Math.min(bodyBytesLeft, to - at);
        if (copyIn(at, bytes)) {
          at += bytes;
          bodyArrived(bytes);
        }
      } else if (vector.isAdmitted() && !vector.isWrite()) {
        blocked = !listener.answerVector();
        if (blocked) {
          return at;
        }
      } else if (at < to && vector.isActive()) {
        int bytes = (int) Math.min(vector.missingBytes(), to - at);
        vector.fill(at, bytes);
        at += bytes;
        if (vector.missingBytes() == 0) {
          tableArrived();
        }
      } else if (at < to
          && !header.isComplete()
          && !(header.isEmpty() && to - at >= Frames.HEADER_BYTES)) {
        int bytes = (int) Math.min(header.missingBytes(), to - at);
        header.add(at, bytes);
        at += bytes;
      } else if (at == to && !header.isComplete()) {
        return at;
      } else if (!listener.hasRoom()) {
        if (!header.isComplete() && to - at == Frames.HEADER_BYTES) {
          // It came by itself, perhaps through the loop's one block for reads: not to be held.
          header.add(at, Frames.HEADER_BYTES);
          at = to;
        }
        blocked = true;
        return at;
      } else if (header.isComplete()) {
        blocked = !listener.mayBegin(header.size(), header.address(), header.opcode());
        if (blocked) {
          return at;
        }
        header.clear();
      } else if (listener.mayBegin(
          Frames.headerSize(at), Frames.headerAddress(at), Frames.headerOpcode(at))) {
        at += Frames.HEADER_BYTES;
      } else {
        header.add(at, Frames.HEADER_BYTES);
        blocked = true;
        return at + Frames.HEADER_BYTES;
      }
    }
    return to;
  }

  private void tableArrived() {
    listener.tableArrived();
    if (vector.isAdmitted() && vector.isWrite()) {
      aimAtRange();
    }
  }

  /** {@return false when the memory is gone} */
  private boolean copyIn(long from, int bytes) {
    try {
      MemoryWindow.copy(from, bodyAddress, bytes);
      MemoryWindow.tellFaults();
      return true;
    } catch (InternalError lost) {
      listener.lost(bodyIsVersion2 || vector.isActive(), bodyAddress, bytes);
      return false;
    }
  }

  /** A write has begun; the region's use is the reader's from now on. */
  void expectBody(Region region, long address, long size, boolean version2) {
    bodyRegion = region;
    bodyAddress = address;
    bodyBytes = size;
    bodyBytesLeft = size;
    bodyIsVersion2 = version2;
  }

  /** A read has begun: a large body is not likely to be next. */
  void expectNoBody() {
    lastBodyWasLarge = false;
  }

  private void aimAtRange() {
    bodyAddress = vector.address();
    bodyBytes = vector.length();
    bodyBytesLeft = bodyBytes;
  }

  /** Bytes of the body are where they belong. */
  void bodyArrived(int bytes) {
    bodyAddress += bytes;
    bodyBytesLeft -= bytes;
    counts.written(bytes);
    if (bodyBytesLeft > 0) {
      return;
    }
    Region region = bodyRegion;
    if (vector.isActive()) {
      rangeArrived();
    } else if (region != null) {
      lastBodyWasLarge = bodyBytes >= StagingBlock.DIRECT_BYTES_MIN;
      bodyRegion = null;
      region.release();
      bodyBytes = 0;
      if (bodyIsVersion2) {
        listener.written();
      }
    }
  }

  private void rangeArrived() {
    vector.advance();
    if (vector.hasRange()) {
      aimAtRange();
      return;
    }
    vector.clear();
    lastBodyWasLarge = false;
    bodyBytes = 0;
    listener.written();
  }

  /** The connection is over: gives back what its requests have held. */
  void clear() {
    Region region = bodyRegion;
    if (region != null) {
      bodyRegion = null;
      region.release();
    }
    vector.clear();
  }
}
