// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Small blocks that each connection of an event loop keeps for itself, for reads that find no
 * staging. They are there for io_uring alone: the kernel reads later, so that what one connection
 * is about to read keeps the loop's one block for reads from the others; and a read that is called
 * off there pauses the loop and may be the connection's last. With them a read always finds
 * something, be it little at a time.
 *
 * <p>There are as many as the connections of the loop have ever needed at once. Confined to the
 * event loop.
 */
final class ReadReserve {
  /**
   * For each connection. While answers have to drain nothing is read but what the kernel had begun
   * to read before, and once more when it tells that the peer has ended its stream.
   */
  static final int BLOCKS_PER_CONNECTION = 2;

  /** A header, and the beginning of what is behind it: a line of the cache. */
  static final int BLOCK_BYTES = 64;

  private static final int BLOCKS_PER_SLAB = 64;

  private static final StagingBlock[] NO_BLOCKS = new StagingBlock[0];

  private final @Nullable SegmentAllocator memory;
  private StagingBlock[] spare = NO_BLOCKS;
  private int spareCount;
  private int count;

  private ReadReserve(@Nullable SegmentAllocator memory) {
    this.memory = memory;
  }

  /** {@return one for kernels that read at once: connections have no blocks of their own} */
  static ReadReserve none() {
    return new ReadReserve(null);
  }

  /** {@return one that takes its blocks from {@code memory}, some connections' at a time} */
  static ReadReserve of(SegmentAllocator memory) {
    return new ReadReserve(memory);
  }

  /** {@return whether the kernel reads later, when a read has been asked for} */
  boolean isNeeded() {
    return memory != null;
  }

  /**
   * {@return a new connection's blocks} Each has one use, the connection's own, and is free while
   * it has no other.
   *
   * @throws OutOfMemoryError when there is no memory for them; then nothing was taken
   */
  StagingBlock[] take() {
    SegmentAllocator from = memory;
    if (from == null) {
      return NO_BLOCKS;
    }
    StagingBlock[] taken = new StagingBlock[BLOCKS_PER_CONNECTION];
    if (spareCount < taken.length) {
      grow(from);
    }
    for (int i = 0; i < taken.length; i++) {
      spareCount--;
      taken[i] = spare[spareCount].take();
    }
    return taken;
  }

  private void grow(SegmentAllocator from) {
    // Room for all that there will be: to give one back needs no memory.
    StagingBlock[] room = Arrays.copyOf(spare, count + BLOCKS_PER_SLAB);
    StagingBlock[] more = new StagingBlock[BLOCKS_PER_SLAB];
    MemorySegment slab = from.allocate((long) BLOCKS_PER_SLAB * BLOCK_BYTES, BLOCK_BYTES);
    for (int i = 0; i < more.length; i++) {
      more[i] =
          new StagingBlock(this::giveBack, slab.address() + (long) i * BLOCK_BYTES, BLOCK_BYTES);
    }
    System.arraycopy(more, 0, room, spareCount, more.length);
    spare = room;
    spareCount += more.length;
    count += more.length;
  }

  private void giveBack(StagingBlock block) {
    spare[spareCount++] = block;
  }
}
