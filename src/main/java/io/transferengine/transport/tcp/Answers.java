// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Puts a target's answers on the outbound queue. Status frames and small bodies are copied into
 * staging while there is some; when the peers' share of it is used up they are sent from where they
 * lie, and the connection's next request is looked at only when that has left. So a peer that does
 * not read keeps no staging from the others, and nobody has to wait for it.
 *
 * <p>Confined to the connection's event loop.
 */
final class Answers {
  /** Bodies queued without staging before they have to leave: one gathering write's worth. */
  private static final int DIRECT_AT_ONCE = 32;

  private final Channel channel;
  private final OutboundStream outbound;
  private final WindowPool pool;
  private int direct;

  /** Whether something was queued without staging and has not left yet, as far as is known. */
  private boolean starved;

  private @Nullable Checksum checksum;

  /** Whether the sum of a vectored read is still to be queued behind its bodies. */
  private boolean sumIsDue;

  private @Nullable MemorySegment dryFrame;

  Answers(Channel channel, OutboundStream outbound, WindowPool pool) {
    this.channel = channel;
    this.outbound = outbound;
    this.pool = pool;
  }

  /** {@return whether one more request may be looked at, perhaps after a flush} */
  boolean hasRoom() {
    if (mayQueue()) {
      return true;
    }
    outbound.flush();
    return mayQueue();
  }

  private boolean mayQueue() {
    if (starved && outbound.isDrained()) {
      starved = false;
    }
    return channel.isWritable() && !starved;
  }

  /** From now on each answer ends with its sum. */
  void checked() {
    checksum = pool.checksum();
  }

  void status(int code) {
    Checksum sums = checksum;
    if (sums != null) {
      sealed(code, Frames.CHECKED_STATUS_BYTES, 0, sums);
      return;
    }
    long at = outbound.tryReserve(Frames.STATUS_BYTES);
    if (at != 0) {
      Frames.writeStatus(at, code);
    } else {
      starved = true;
      outbound.constant(pool.statusFrame(code == Frames.STATUS_OK), Frames.STATUS_BYTES);
    }
  }

  /** A header or table is damaged, perhaps of the hello. */
  void damagedRequest(long incarnation) {
    if (checksum != null) {
      status(Frames.STATUS_DAMAGED_REQUEST);
    } else {
      hello(Frames.STATUS_DAMAGED_REQUEST, incarnation, pool.checksum());
    }
  }

  /** Says that this is the engine that was asked for. */
  void meant(long incarnation) {
    Checksum sums = checksum;
    if (sums != null) {
      hello(Frames.STATUS_OK, incarnation, sums);
    } else {
      status(Frames.STATUS_OK);
    }
  }

  /** Says that this is another engine than the one that was asked for. */
  void another(long incarnation) {
    Checksum sums = checksum;
    if (sums != null) {
      hello(Frames.STATUS_ANOTHER, incarnation, sums);
      return;
    }
    int bytes = Frames.STATUS_BYTES + Frames.INCARNATION_BYTES;
    long reserved = outbound.tryReserve(bytes);
    long at = reserved != 0 ? reserved : pool.anotherFrame();
    Frames.writeStatus(at, Frames.STATUS_ANOTHER);
    Frames.writeIncarnation(at + Frames.STATUS_BYTES, incarnation);
    if (reserved == 0) {
      starved = true;
      outbound.constant(at, bytes);
    }
  }

  private void hello(int code, long incarnation, Checksum sums) {
    sealed(code, Frames.HELLO_ANSWER_BYTES, incarnation, sums);
  }

  /** A status, what may be behind it, and the sum of both. */
  private void sealed(int code, int bytes, long behind, Checksum sums) {
    long reserved = outbound.tryReserve(bytes);
    long at = reserved != 0 ? reserved : dryAddress();
    Frames.writeStatus(at, code);
    int summed = bytes - Frames.CHECK_BYTES;
    if (summed > Frames.STATUS_BYTES) {
      Frames.writeIncarnation(at + Frames.STATUS_BYTES, behind);
    }
    MemoryWindow.setIntLE(at + summed, sums.begin().add(at, summed).value());
    if (reserved == 0) {
      starved = true;
      outbound.constant(at, bytes);
    }
  }

  /** The sum behind a body. */
  private void sum(int value) {
    long reserved = outbound.tryReserve(Frames.CHECK_BYTES);
    long at = reserved != 0 ? reserved : dryAddress() + Frames.HELLO_ANSWER_BYTES;
    MemoryWindow.setIntLE(at, value);
    if (reserved == 0) {
      starved = true;
      outbound.constant(at, Frames.CHECK_BYTES);
    }
  }

  /**
   * Where the connection's own frame lies while there is no staging. One is enough: the next
   * request is looked at only when it has left.
   */
  private long dryAddress() {
    MemorySegment there = dryFrame;
    if (there == null) {
      there = Arena.ofAuto().allocate(Frames.HELLO_ANSWER_BYTES + Frames.CHECK_BYTES);
      dryFrame = there;
    }
    return there.address();
  }

  /**
   * Answers a read, or a part of one, wholly or, when this throws, not at all.
   *
   * @param holder of the memory, which the stream gives back when the body has left
   * @param status whether the body comes behind a status
   * @return whether nothing looks at the memory any more: then the caller gives it back, as after a
   *     throw
   */
  boolean read(Object holder, long address, long size, boolean status) {
    boolean copied = false;
    outbound.begin();
    try {
      if (status) {
        status(Frames.STATUS_OK);
      }
      Checksum sums = checksum;
      int sum = sums == null ? 0 : sums.begin().add(address, size).value();
      if (size < StagingBlock.DIRECT_BYTES_MIN) {
        copied = outbound.tryCopy(address, (int) size);
        MemoryWindow.tellFaults();
        starved |= !copied;
      }
      if (!copied) {
        outbound.body(address, size, holder);
      }
      if (sums != null) {
        sum(sum);
      }
      outbound.commit();
    } catch (Throwable t) {
      outbound.rollBack();
      throw t;
    }
    return copied;
  }

  /** A vectored read is answered from now on: its status is queued. */
  void beginAll() {
    status(Frames.STATUS_OK);
    Checksum sums = checksum;
    sumIsDue = sums != null;
    if (sums != null) {
      var _ = sums.begin();
    }
  }

  /**
   * Queues the bodies of a vectored read whose status is queued. What throws leaves nothing to be
   * sent whose copy has met memory that is gone.
   *
   * @return whether all are, and nothing looks at their memory; else to be called again when the
   *     queue has drained
   */
  boolean readAll(VectorTable vector) {
    for (; vector.hasRange(); vector.advance()) {
      if (!channel.isWritable() || direct >= DIRECT_AT_ONCE) {
        MemoryWindow.tellFaults();
        outbound.flush();
        if (!channel.isWritable() || (direct > 0 && !outbound.isDrained())) {
          return false;
        }
        direct = 0;
      }
      range(vector.address(), vector.length());
    }
    MemoryWindow.tellFaults();
    Checksum sums = checksum;
    if (sumIsDue && sums != null) {
      sum(sums.value());
      sumIsDue = false;
    }
    if (direct > 0) {
      outbound.flush();
      if (!outbound.isDrained()) {
        return false;
      }
      direct = 0;
    }
    return true;
  }

  private void range(long address, long length) {
    Checksum sums = checksum;
    if (sums != null) {
      var _ = sums.add(address, length);
    }
    for (long done = 0; done < length; ) {
      int piece = (int) Math.min(StagingBlock.DIRECT_BYTES_MIN, length - done);
      if (!outbound.tryCopy(address + done, piece)) {
        outbound.body(address + done, length - done, null);
        starved = true;
        direct++;
        return;
      }
      done += piece;
    }
  }
}
