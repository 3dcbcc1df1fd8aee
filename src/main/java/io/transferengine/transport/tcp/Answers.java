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
  private final Outlet outlet;
  private final WindowPool pool;
  private int direct;

  /** Whether something was queued without staging and has not left yet, as far as is known. */
  private boolean starved;

  Answers(Channel channel, Outlet outlet, WindowPool pool) {
    this.channel = channel;
    this.outlet = outlet;
    this.pool = pool;
  }

  /** {@return whether one more request may be looked at, perhaps after a flush} */
  boolean hasRoom() {
    if (mayQueue()) {
      return true;
    }
    outlet.flush();
    return mayQueue();
  }

  private boolean mayQueue() {
    if (starved && outlet.isDrained()) {
      starved = false;
    }
    return channel.isWritable() && !starved;
  }

  void status(boolean ok) {
    long at = outlet.tryReserve(Frames.STATUS_BYTES);
    if (at != 0) {
      Frames.writeStatus(at, ok ? Frames.STATUS_OK : Frames.STATUS_REJECTED);
    } else {
      starved = true;
      outlet.constant(pool.statusFrame(ok), Frames.STATUS_BYTES);
    }
  }

  /** Says that this is another engine than the one that was asked for. */
  void another(long incarnation) {
    int bytes = Frames.STATUS_BYTES + Frames.INCARNATION_BYTES;
    long reserved = outlet.tryReserve(bytes);
    long at = reserved != 0 ? reserved : pool.anotherFrame();
    Frames.writeStatus(at, Frames.STATUS_ANOTHER);
    Frames.writeIncarnation(at + Frames.STATUS_BYTES, incarnation);
    if (reserved == 0) {
      starved = true;
      outlet.constant(at, bytes);
    }
  }

  /**
   * Answers a read, wholly or, when this throws, not at all. The region's use goes to the outlet or
   * is given back; after a throw the caller has it still.
   */
  void read(Region region, long address, long size, boolean version2) {
    boolean copied = false;
    outlet.begin();
    try {
      if (version2) {
        status(true);
      }
      if (size < StagingBlock.DIRECT_BYTES_MIN) {
        copied = outlet.tryCopy(address, (int) size);
        MemoryWindow.tellFaults();
        starved |= !copied;
      }
      if (!copied) {
        outlet.body(address, size, region);
      }
      outlet.commit();
    } catch (Throwable t) {
      outlet.rollBack();
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
        outlet.flush();
        if (!channel.isWritable() || (direct > 0 && !outlet.isDrained())) {
          return false;
        }
        direct = 0;
      }
      range(vector.address(), vector.length());
    }
    MemoryWindow.tellFaults();
    if (direct > 0) {
      outlet.flush();
      if (!outlet.isDrained()) {
        return false;
      }
      direct = 0;
    }
    return true;
  }

  private void range(long address, long length) {
    for (long done = 0; done < length; ) {
      int piece = (int) Math.min(StagingBlock.DIRECT_BYTES_MIN, length - done);
      if (!outlet.tryCopy(address + done, piece)) {
        outlet.body(address + done, length - done, null);
        starved = true;
        direct++;
        return;
      }
      done += piece;
    }
  }
}
