// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import org.jspecify.annotations.Nullable;

/**
 * Takes the answers of one connection out of its stream, in the order of the requests: status
 * frames, and the bodies of reads, which go to where they belong.
 *
 * <p>On a checked connection a request is answered when the sums of its status and of its bodies
 * have shown to be right. A wrong one is told of that frame alone and the stream goes on: a status
 * that is damaged counts as a good one, whose bodies are asked for again, whatever of them has been
 * placed. Should it have been a refusal, the target ends the connection.
 *
 * <p>What is asked of it before a read of the socket is told from what has arrived, and changes
 * nothing: it is also asked before the read that finds the end of the stream.
 *
 * <p>Confined to the connection's event loop.
 */
final class AnswerReader {

  /** The connection. */
  interface Listener {
    /** {@return whether the connection has ended: nothing more is taken from its stream} */
    boolean hasEnded();

    /** The peer has proved that it is the engine that its descriptor names. */
    void proved();

    /** {@return whether all of the write at this position, and its frame, has left} */
    boolean isWriteSent(long position);

    /** Everything up to and with {@code position} has been answered. */
    void answered(long position);

    /** The oldest request was refused. */
    void refused(int statusCode);

    /** The target is not the engine that is meant. */
    void another(String text);

    /** The target breaks the protocol. */
    void broken(String text);

    /** A sum was wrong where nothing that follows can be told apart. */
    void damaged(String text);
  }

  private final RequestRing ring;
  private final boolean version2;
  private final IdentityCheck identity;
  private final RequestOutcomes outcomes;
  private final Listener listener;
  private final byte[] partialStatus;
  private final @Nullable Checksum checksum;
  private final TrailingSum sum = new TrailingSum();

  private int statusBytes;
  private boolean bodyIsDirect;

  /** 0 while the bytes of a body are dropped. */
  private long bodyAddress;

  private long bodyBytesLeft;

  /** Some of what has come was for memory that is gone. */
  private boolean alone;

  /** On a checked connection: the requests of the oldest frame whose bodies are here. */
  private int bodiesHere;

  /** Whether the status of the frame was damaged. */
  private boolean statusDamaged;

  /**
   * @param checksum what answers are summed with; null on a connection without checksums
   */
  AnswerReader(
      RequestRing ring,
      boolean version2,
      @Nullable Checksum checksum,
      IdentityCheck identity,
      RequestOutcomes outcomes,
      Listener listener) {
    this.ring = ring;
    this.version2 = version2;
    this.checksum = checksum;
    this.partialStatus =
        new byte[checksum == null ? Frames.STATUS_BYTES : Frames.CHECKED_STATUS_BYTES];
    this.identity = identity;
    this.outcomes = outcomes;
    this.listener = listener;
  }

  /** {@return the oldest request that gets an answer; version 1 writes get none} */
  long next() {
    long position = ring.first() + bodiesHere;
    if (!version2) {
      while (position < ring.end() && !ring.isRead(position)) {
        position++;
      }
    }
    return position;
  }

  /** {@return how many bytes are to be read straight to {@link #directAddress()}; 0 for none} */
  long directBytes() {
    if (identity.isPending()) {
      return 0;
    }
    if (bodyBytesLeft > 0) {
      return bodyIsDirect ? bodyBytesLeft : 0;
    }
    long position = next();
    return bodyIsNext(position) && ring.isLargeRead(position) ? ring.length(position) : 0;
  }

  long directAddress() {
    return bodyBytesLeft > 0 ? bodyAddress : ring.local(next());
  }

  /** Staged reads end where the body of a large read begins: all that is expected is known. */
  int stagedBytesLimit() {
    if (ring.largeReads() == 0) {
      return Integer.MAX_VALUE;
    }
    long limit = bodyBytesLeft + sum.missingBytes() + identity.missingBytes() - statusBytes;
    long position = next();
    int sumBytes = checksum == null ? 0 : Frames.CHECK_BYTES;
    if (bodyBytesLeft > 0) {
      limit += ring.isLastOfFrame(position) ? sumBytes : 0;
      position++;
    }
    limit += ring.bytesBeforeLargeRead(position, version2 ? partialStatus.length : 0, sumBytes);
    return Math.clamp(limit, 1, Integer.MAX_VALUE);
  }

  /** {@return whether a read of the socket may have been aimed at a body} */
  boolean isBodyUnderWay() {
    return bodyBytesLeft > 0 || bodyIsNext(next());
  }

  /** {@return whether a part of an answer is here} */
  boolean hasBegun() {
    return statusBytes > 0 || bodyBytesLeft > 0 || bodiesHere > 0;
  }

  /** What is missing of the body that is under way is read and dropped. */
  void dropBody() {
    bodyAddress = 0;
    bodyIsDirect = false;
  }

  /** Bytes of a body that are already where they belong. */
  void direct(int bytes) {
    if (bodyBytesLeft == 0) {
      expectBody(next());
    }
    Checksum sums = checksum;
    if (sums != null) {
      try {
        var _ = sums.add(bodyAddress, bytes);
      } catch (InternalError e) {
        dropBody();
        outcomes.lost(next(), e);
      }
    }
    bodyArrived(bytes);
  }

  /** Bytes that came through staging. */
  void staged(long from, long to) {
    long at = from;
    long placedTo = from;
    alone = false;
    while (at < to && !listener.hasEnded()) {
      if (identity.isPending()) {
        at += identity.take(at, (int) (to - at));
        if (!identity.refusal().isEmpty()) {
          listener.another(identity.refusal());
        } else if (!identity.damage().isEmpty()) {
          listener.damaged(identity.damage());
        } else if (!identity.otherMode().isEmpty()) {
          listener.broken(identity.otherMode());
        } else if (!identity.isPending()) {
          listener.proved();
        }
      } else if (bodyBytesLeft > 0) {
        if (placedTo <= at) {
          placedTo = place(at, to);
        }
        int bytes = (int) Math.min(bodyBytesLeft, placedTo - at);
        at += bytes;
        bodyArrived(bytes);
      } else if (sum.missingBytes() > 0) {
        at += sum.take(at, to - at);
        if (sum.missingBytes() == 0) {
          sumArrived();
        }
      } else if (next() == ring.end()) {
        listener.broken("it sent bytes that nobody had asked for");
      } else if (bodyIsNext(next())) {
        expectBody(next());
      } else {
        int bytes = (int) Math.min((long) partialStatus.length - statusBytes, to - at);
        MemoryWindow.copy(at, partialStatus, statusBytes, bytes);
        statusBytes += bytes;
        at += bytes;
        if (statusBytes == partialStatus.length) {
          statusBytes = 0;
          statusArrived();
        }
      }
    }
  }

  /** {@return whether no status frame comes before the body of the next answer} */
  private boolean bodyIsNext(long position) {
    return position < ring.end()
        && sum.missingBytes() == 0
        && (!version2 || bodiesHere > 0 || ring.ranges(ring.first()) == 0);
  }

  /**
   * Puts what is here of a body where it belongs, and with it what is here of those behind it in
   * its frame: it is once for all of them that faults are asked for. If there was one, each is put
   * there alone until the end of what has come, so that it shows whose memory is gone.
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
      end = from + Math.min(bodyBytesLeft, to - from);
      toBody(from, (int) (end - from));
    }
    Checksum sums = checksum;
    if (sums != null) {
      var _ = sums.add(from, end - from);
    }
    return end;
  }

  /** Changes nothing here: a fault may be told anywhere in it. */
  private long copyBodies(long from, long to) {
    long position = next();
    long address = bodyAddress;
    long length = bodyBytesLeft;
    long at = from;
    while (true) {
      long bytes = Math.min(length, to - at);
      if (address != 0) {
        MemoryWindow.copy(at, address, bytes);
      }
      at += bytes;
      if (at == to || ring.isLastOfFrame(position)) {
        return at;
      }
      position++;
      address = ring.task(position) == null ? 0 : ring.local(position);
      length = ring.length(position);
    }
  }

  /** Copies what has arrived of a small read; memory that is gone ends that read, not the lane. */
  private void toBody(long at, int bytes) {
    if (bodyAddress == 0) {
      return;
    }
    try {
      MemoryWindow.copy(at, bodyAddress, bytes);
      MemoryWindow.tellFaults();
    } catch (InternalError e) {
      dropBody();
      outcomes.lost(next(), e);
    }
  }

  private void expectBody(long position) {
    bodyAddress = ring.local(position);
    bodyBytesLeft = ring.wireLength(position);
    if (ring.task(position) == null || ring.confirms(position)) {
      bodyAddress = 0;
    }
    bodyIsDirect = ring.isLargeRead(position);
  }

  private void statusArrived() {
    Checksum sums = checksum;
    if (sums != null) {
      statusDamaged = !Frames.endsWithSum(partialStatus, Frames.STATUS_BYTES, sums);
      var _ = sums.begin();
      if (statusDamaged) {
        damagedStatus();
        return;
      }
    }
    status(Frames.statusCode(partialStatus));
  }

  /** What it says is not known, only what follows if it is no refusal. */
  private void damagedStatus() {
    if (ring.isRead(ring.first())) {
      expectBody(ring.first());
      dropBody();
    } else {
      damagedFrame("the answer to a write");
    }
  }

  private void damagedFrame(String what) {
    int count = ring.ranges(ring.first());
    outcomes.damaged(ring.first(), count, "a wrong checksum of " + what);
    listener.answered(ring.first() + count - 1);
  }

  /** Behind all bodies of a read. */
  private void sumArrived() {
    int count = bodiesHere;
    bodiesHere = 0;
    Checksum sums = checksum;
    if (sums == null || statusDamaged || sums.value() != sum.value()) {
      damagedFrame(statusDamaged ? "the answer to a read" : "the body of a read");
    } else {
      listener.answered(ring.first() + count - 1);
    }
  }

  private void status(int code) {
    long position = ring.first();
    if (code == Frames.STATUS_OK) {
      if (ring.isRead(position)) {
        expectBody(position);
      } else if (listener.isWriteSent(position)) {
        listener.answered(position + ring.ranges(position) - 1);
      } else {
        listener.broken("it acknowledged a write before all of it was sent");
      }
    } else if (checksum != null && code == Frames.STATUS_DAMAGED_BODY && !ring.isRead(position)) {
      damagedFrame("the body of a write");
    } else if (checksum != null && code == Frames.STATUS_DAMAGED_REQUEST) {
      listener.damaged("a wrong checksum of a request header or its table");
    } else if (code < 0) {
      listener.broken("it sent something else than a status frame");
    } else {
      listener.refused(code);
    }
  }

  private void bodyArrived(int bytes) {
    bodyBytesLeft -= bytes;
    if (bodyAddress != 0) {
      bodyAddress += bytes;
    }
    if (bodyBytesLeft == 0) {
      bodyIsDirect = false;
      if (checksum == null) {
        listener.answered(next());
      } else {
        bodiesHere++;
        if (ring.isLastOfFrame(next() - 1)) {
          sum.expect();
        }
      }
    }
  }

  @Override
  public String toString() {
    return bodyBytesLeft + " bytes of a body left, " + statusBytes + " of a status there";
  }
}
