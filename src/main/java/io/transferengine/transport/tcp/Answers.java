// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.transferengine.memory.Region;

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

  void status(boolean ok) {
    long at = outbound.tryReserve(Frames.STATUS_BYTES);
    if (at != 0) {
      Frames.writeStatus(at, ok ? Frames.STATUS_OK : Frames.STATUS_REJECTED);
    } else {
      starved = true;
      outbound.constant(pool.statusFrame(ok), Frames.STATUS_BYTES);
    }
  }

  /** Says that this is another engine than the one that was asked for. */
  void another(long incarnation) {
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

  /**
   * Answers a read, wholly or, when this throws, not at all. The region's use goes to the outbound
   * stream or is given back; after a throw the caller has it still.
   */
  void read(Region region, long address, long size, boolean version2) {
    boolean copied = false;
    outbound.begin();
    try {
      if (version2) {
        status(true);
      }
      if (size < StagingBlock.DIRECT_BYTES_MIN) {
        copied = outbound.tryCopy(address, (int) size);
        MemoryWindow.tellFaults();
        starved |= !copied;
      }
      if (!copied) {
        outbound.body(address, size, region);
      }
      outbound.commit();
    } catch (Throwable t) {
      outbound.rollBack();
      throw t;
    }
    if (copied) {
      region.release();
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
