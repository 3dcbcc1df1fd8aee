// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.memory.Region;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Takes a target's stream apart: headers, the tables of vectored requests, and the bodies of
 * writes, which it puts where they belong. What a request means, and whether it may begin, is for
 * its {@link Listener} to say.
 *
 * <p>On a checked connection each header, table and body ends with its sum. Of a request whose
 * header or table is damaged no byte is placed. A body is summed as it arrives: what passes staging
 * there, what is read straight into registered memory where it lies then; that it is damaged is
 * known only behind it, when it is in place.
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

    /** A header or a table is not as it was sent: nothing further is to be looked at. */
    void damagedRequest(String what);

    /** All of a write is where it belongs, but not as it was sent. */
    void damagedBody();

    /** The memory that some bytes of a write were for is gone. */
    void lost(boolean version2, long address, int bytes);
  }

  /** What goes on with requests for device memory. */
  interface Stager {
    /**
     * {@return whether a request, all of whose bytes have arrived if it is a write, is over: done
     * or refused; else to be asked again}
     */
    boolean advance(StagedRequest request);

    /**
     * A write follows that has arrived whole, and that a request may join; {@return whether it has}
     */
    boolean join(StagedRequest request, long size, long address, int opcode);
  }

  private final RequestHeader header = new RequestHeader();
  private final VectorTable vector;
  private final InboundCounts counts;
  private final Listener listener;
  private final Supplier<Checksum> checksums;
  private final TrailingSum sum = new TrailingSum();
  private @Nullable Checksum checksum;
  private @Nullable Region bodyRegion;
  private long bodyAddress;
  private long bodyBytesLeft;

  /** Some of what has come was for memory that is gone. */
  private boolean alone;

  private long bodyBytes;
  private boolean bodyIsVersion2;

  /** What is under way, if it passes slots; a body of it is then put elsewhere for the moment. */
  private @Nullable StagedRequest staged;

  private @Nullable Stager stager;

  /** How far from where it belongs the next byte is put. */
  private long aimOffset;

  /** How many bytes may be put there; as many as come where memory is not a device's. */
  private long aimBytes = Long.MAX_VALUE;

  private boolean lastBodyWasLarge;
  private boolean blocked;

  /**
   * @param checksums makes one
   */
  RequestReader(
      VectorTable vector, InboundCounts counts, Supplier<Checksum> checksums, Listener listener) {
    this.checksums = checksums;
    this.vector = vector;
    this.counts = counts;
    this.listener = listener;
  }

  /** From the next request on everything has a sum. */
  void checked() {
    checksum = checksums.get();
  }

  boolean isChecked() {
    return checksum != null;
  }

  // ---- where the next bytes go

  /** {@return how many bytes are to be read straight to {@link #directAddress()}; 0 for none} */
  long directBytes() {
    return bodyBytes >= StagingBlock.DIRECT_BYTES_MIN && !blocked
        ? Math.min(bodyBytesLeft, aimBytes)
        : 0;
  }

  /** {@return where the next byte of the body is put} */
  long directAddress() {
    return bodyAddress + aimOffset;
  }

  /** {@return where the next byte of the body belongs} */
  long bodyAddress() {
    return bodyAddress;
  }

  int stagedBytesLimit() {
    // After a large body another one is likely: then the header alone, so that none of the body
    // has to be copied out of staging. A table that has begun is taken as it comes.
    return lastBodyWasLarge && bodyBytesLeft == 0 && !vector.isActive()
        ? Math.max(1, sum.missingBytes() + header.missingBytes())
        : Integer.MAX_VALUE;
  }

  int consumedBytesLimit() {
    if (blocked) {
      return 0;
    } else if (!listener.isListening()) {
      return Integer.MAX_VALUE;
    } else if (staged != null) {
      // What is behind waits until they are on the device.
      return (int) Math.min(Math.min(bodyBytesLeft, aimBytes), Integer.MAX_VALUE);
    } else if (bodyBytesLeft > 0) {
      long bodies =
          vector.isActive() ? vector.bytesLeft() - bodyBytes + bodyBytesLeft : bodyBytesLeft;
      // With the sum behind them, where there is one.
      return (int) Math.min(bodies + (isChecked() ? Frames.CHECK_BYTES : 0), Integer.MAX_VALUE);
    }
    return vector.isActive() ? vector.missingBytes() : sum.missingBytes() + header.missingBytes();
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
    return bodyBytesLeft > 0
        || staged != null
        || !header.isEmpty()
        || vector.isActive()
        || sum.missingBytes() > 0;
  }

  /** {@return whether nothing further is looked at because of a request for device memory} */
  boolean isHeldByDevice() {
    return blocked && staged != null;
  }

  /** {@return whether it is our slots and copies that are waited for, and not the peer} */
  boolean waitsForDevice() {
    StagedRequest request = staged;
    return blocked && request != null && request.isWaiting();
  }

  /** {@return whether a version 1 write waits for them, behind which there may be more} */
  boolean isVersion1Held() {
    StagedRequest request = staged;
    return blocked && request != null && request.isWrite() && !request.isVersion2();
  }

  /** {@return whether a version 1 write is under way that has bytes of a range still to come} */
  boolean isInVersion1Write(long from, long to) {
    StagedRequest request = staged;
    if (request != null) {
      return request.isWrite() && !request.isVersion2() && request.isUsing(from, to);
    }
    return !bodyIsVersion2 && !vector.isActive() && isWriting(from, to);
  }

  /** {@return whether a request that is under way has to do with bytes of a range} */
  boolean isUsing(long from, long to) {
    StagedRequest request = staged;
    return isWriting(from, to)
        || vector.isUsing(from, to)
        || (request != null && request.isUsing(from, to));
  }

  private boolean isWriting(long from, long to) {
    return bodyBytesLeft > 0 && bodyAddress < to && bodyAddress + bodyBytesLeft > from;
  }

  // ---- what has arrived

  /** {@return how far it came: not to the end when it is {@link #isBlocked()} there} */
  long parse(long from, long to) {
    long at = from;
    long placedTo = from;
    alone = false;
    blocked = false;
    while (listener.isListening()) {
      StagedRequest request = staged;
      if (request != null) {
        if (bodyBytesLeft == 0 && joins(request, at, to)) {
          at += Frames.HEADER_BYTES;
        } else if (!goOn(request)) {
          blocked = true;
          return at;
        } else if (!listener.isListening()) {
          return to;
        }
      }
      if (bodyBytesLeft > 0 && at < to) {
        if (placedTo <= at) {
          placedTo = place(at, to);
        }
        if (placedTo > at) {
          int bytes = (int) Math.min(bytesForBody(to - at), placedTo - at);
          at += bytes;
          bodyArrived(bytes);
        }
      } else if (sum.missingBytes() > 0 && at < to) {
        at += sum.take(at, to - at);
        if (sum.missingBytes() == 0) {
          sumArrived();
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
      } else if (isDamaged(at)) {
        listener.damagedRequest("a request header");
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

  /** {@return whether the header that is next has not arrived as it was sent, if that shows} */
  private boolean isDamaged(long at) {
    Checksum sums = checksum;
    if (sums == null) {
      int opcode = header.isComplete() ? header.opcode() : Frames.headerOpcode(at);
      if (opcode != (Frames.OPCODE_HELLO | Frames.VERSION_2_BIT)) {
        return false;
      }
      sums = checksums.get();
    }
    return !(header.isComplete() ? header.isSealed(sums) : Frames.isSealed(at, sums));
  }

  /** Behind all bodies of a write. */
  private void sumArrived() {
    Checksum sums = checksum;
    if (sums != null && sums.value() == sum.value()) {
      listener.written();
    } else {
      listener.damagedBody();
    }
  }

  private void tableArrived() {
    Checksum sums = checksum;
    if (sums != null && !vector.isSealed(sums)) {
      vector.clear();
      listener.damagedRequest("the table of a vectored request");
      return;
    }
    listener.tableArrived();
    if (vector.isAdmitted() && vector.isWrite() && staged == null) {
      beginSum();
      aimAtRange();
    }
  }

  /**
   * Puts what is here of a body where it belongs, and with it what is here of the ranges behind it:
   * it is once for all of them that faults are asked for. If there was one, each is put there alone
   * until the end of what has come, so that it shows whose memory is gone.
   *
   * @return where in the staging what was put there ends
   */
  private long place(long from, long to) {
    long end = from;
    try {
      if (!alone) {
        end = copyBodies(from, to);
        MemoryWindow.tellFaults();
      }
    } catch (InternalError e) {
      alone = true;
    }
    if (alone) {
      end = copyBody(from, bytesForBody(to - from));
    }
    Checksum sums = checksum;
    if (sums != null) {
      var _ = sums.add(from, end - from);
    }
    return end;
  }

  private int bytesForBody(long here) {
    return (int) Math.min(Math.min(bodyBytesLeft, aimBytes), here);
  }

  /** Changes nothing here: a fault may be told anywhere in it. */
  private long copyBodies(long from, long to) {
    int bytes = bytesForBody(to - from);
    MemoryWindow.copy(from, bodyAddress + aimOffset, bytes);
    long at = from + bytes;
    if (staged == null) {
      for (int range = vector.next(); at < to && range < vector.count(); range++) {
        bytes = (int) Math.min(vector.length(range), to - at);
        MemoryWindow.copy(at, vector.address(range), bytes);
        at += bytes;
      }
    }
    return at;
  }

  /** {@return the end of what was copied: where it begins when the memory is gone} */
  private long copyBody(long from, int bytes) {
    try {
      MemoryWindow.copy(from, bodyAddress + aimOffset, bytes);
      MemoryWindow.tellFaults();
      return from + bytes;
    } catch (InternalError lost) {
      listener.lost(bodyIsVersion2 || vector.isActive(), bodyAddress, bytes);
      return from;
    }
  }

  /** A write has begun; the region's use is the reader's from now on. */
  void expectBody(Region region, long address, long size, boolean version2) {
    bodyRegion = region;
    bodyAddress = address;
    bodyBytes = size;
    bodyBytesLeft = size;
    bodyIsVersion2 = version2;
    beginSum();
  }

  /**
   * A request has begun whose bytes pass slots.
   *
   * @param request ended by the reader when the connection is over
   */
  void expect(StagedRequest request, Stager with) {
    staged = request;
    stager = with;
    bodyIsVersion2 = request.isVersion2();
    lastBodyWasLarge = false;
    if (request.isWrite()) {
      bodyAddress = request.address();
      bodyBytes = request.size();
      bodyBytesLeft = request.size();
      aimBytes = 0;
      beginSum();
    }
  }

  /**
   * {@return whether there is a place for the next byte of its body, or it is over; false if its
   * turn has not come}
   */
  private boolean goOn(StagedRequest request) {
    if (bodyBytesLeft > 0 && request.failure() == null) {
      return aimBytes > 0 || aim(request);
    }
    request.complete();
    if (stager != null && !stager.advance(request)) {
      return false;
    }
    staged = null;
    aimOffset = 0;
    aimBytes = Long.MAX_VALUE;
    lastBodyWasLarge = !request.isVector() && bodyBytes >= StagingBlock.DIRECT_BYTES_MIN;
    // Also of one that was refused: none of the rest is to be read to where it belongs.
    bodyBytes = 0;
    if (listener.isListening()) {
      boolean needsAnswer = request.isWrite() && request.isVersion2();
      vector.clear();
      for (int i = 0; needsAnswer && i < request.requests(); i++) {
        allArrived();
      }
    }
    return true;
  }

  /** {@return whether the request goes on with a small write that has arrived behind it} */
  private boolean joins(StagedRequest request, long at, long to) {
    long behind = to - at - Frames.HEADER_BYTES;
    Stager with = stager;
    if (with == null || checksum != null || !header.isEmpty() || behind <= 0) {
      return false;
    }
    long size = Frames.headerSize(at);
    long address = Frames.headerAddress(at);
    boolean joined =
        size > 0
            && size <= behind
            && request.mayJoin(size)
            && with.join(request, size, address, Frames.headerOpcode(at));
    if (joined) {
      bodyAddress = address;
      bodyBytes = size;
      bodyBytesLeft = size;
      // There is room in the slot that the request has.
      boolean _ = aim(request);
    }
    return joined;
  }

  private boolean aim(StagedRequest request) {
    long place = request.place();
    if (place == 0) {
      return false;
    }
    aimOffset = place - bodyAddress;
    aimBytes = request.room();
    return true;
  }

  private void beginSum() {
    Checksum sums = checksum;
    if (sums != null) {
      var _ = sums.begin();
    }
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

  /** Bytes of the body were read straight to where they belong. */
  void directArrived(int bytes) {
    Checksum sums = checksum;
    if (sums != null) {
      try {
        var _ = sums.add(bodyAddress + aimOffset, bytes);
      } catch (InternalError lost) {
        listener.lost(true, bodyAddress, bytes);
        return;
      }
    }
    bodyArrived(bytes);
    StagedRequest request = staged;
    if (request != null) {
      blocked = !goOn(request);
    }
  }

  /** Bytes of the body are where they belong, or in a slot. */
  private void bodyArrived(int bytes) {
    bodyAddress += bytes;
    bodyBytesLeft -= bytes;
    counts.written(bytes);
    StagedRequest request = staged;
    if (request != null) {
      aimBytes -= bytes;
      request.filled(bytes);
      return;
    }
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
        allArrived();
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
    allArrived();
  }

  private void allArrived() {
    if (checksum != null) {
      sum.expect();
    } else {
      listener.written();
    }
  }

  /** The connection is over: gives back what its requests have held. */
  void clear() {
    StagedRequest request = staged;
    if (request != null) {
      staged = null;
      request.end();
    }
    Region region = bodyRegion;
    if (region != null) {
      bodyRegion = null;
      region.release();
    }
    vector.clear();
  }
}
