// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.util.Arrays;

/**
 * Decides which part of a pool each allocation gets. Pure arithmetic over offsets: it owns no
 * memory and never looks at any.
 *
 * <h2>Terms</h2>
 *
 * <ul>
 *   <li><b>Block</b>: a piece of the pool whose size is 8 KiB × 2<sup>order</sup> and whose offset
 *       is a multiple of its size. A request takes the smallest block that holds it; the size of
 *       that block is the request's <b>class</b>.
 *   <li><b>Buddies</b>: the two halves of a block. They differ in one bit of their offset.
 *   <li><b>Leaf</b>: a place of 8 KiB, the smallest block there is.
 *   <li><b>Node</b>: a place in a binary tree over the pool. Node 1 is the whole pool, the halves
 *       of node {@code n} are {@code 2n} and {@code 2n + 1}, so a level of the tree is a run of
 *       nodes and the parent is a shift away.
 * </ul>
 *
 * <h2>Picture</h2>
 *
 * <p>A pool of 64 KiB after requests for 5 KiB (a) and 30 KiB (b). A number is what the allocator
 * stores for the node: 1 + the order of the largest free block at or below it, 0 for none.
 *
 * <pre>
 *   order 3                2                    node 1
 *   order 2        2               0            2, 3
 *   order 1    1       2       .       .        4 .. 7
 *   order 0  0   1   .   .   .   .   .   .      8 .. 15
 *   pool     a   -   -   -   b   b   b   b
 *   KiB      0   8   16  24  32  40  48  56
 * </pre>
 *
 * <p>The largest free block of the whole pool has order 1 (KiB 16 to 31), so the root says 2. A dot
 * is a node below a block that is free or taken as a whole: its stored number stays "wholly free"
 * and nobody reads it until that block is split.
 *
 * <h2>Steps</h2>
 *
 * <p><b>Allocate.</b> The root says whether there is a block at all. From there down, each step
 * goes into the half that can still serve the request, and of two that can into the one whose
 * largest free block is smaller: large blocks stay whole for those who need them. A tie goes left,
 * so a fresh pool is filled from its base. Going down is the split: nothing has to be written for
 * it. The node reached becomes 0, and the numbers on the way back up are made anew.
 *
 * <p><b>Free.</b> The leaf at the block's offset holds the length that was asked for, hence the
 * class, hence the node. The node becomes wholly free, and on the way up two wholly free halves
 * make a wholly free parent: that is the coalescing. The way up ends where a number stays as it
 * was.
 *
 * <p>Both take at most one step per order (17 for 1 GiB). The leaf keeps the negated length after a
 * free, so that a second free can be told from one of an address that never was a block.
 *
 * <p><b>Not thread-safe</b>: {@link MemoryPool} has to hold a lock around it anyhow, since a pool's
 * last free and its return to the system are one decision.
 */
public final class BuddyAllocator {
  /** The smallest block. Two pages: below it the bookkeeping would weigh more than the waste. */
  public static final long SMALLEST_BLOCK_BYTES = 8 * 1024;

  /** The largest pool that the arrays are made for: 80 MiB of bookkeeping for 64 GiB. */
  public static final long LARGEST_POOL_BYTES = 64L << 30;

  private static final int SMALLEST_BLOCK_SHIFT = 13;

  /** What became of a {@link #free}. Only {@link #FREED} changes anything. */
  public enum FreeResult {
    /** The block is free again. */
    FREED,
    /** No block was ever handed out at this offset. */
    NOT_ALLOCATED,
    /** The block that once began here was freed before. */
    ALREADY_FREE,
    /** A block begins here, but another length was asked for. */
    WRONG_LENGTH
  }

  private final long poolBytes;

  /** The order of the whole pool. */
  private final int topOrder;

  /** By node: 1 + the order of the largest free block at or below it, 0 when there is none. */
  private final byte[] largestFree;

  /** By leaf: the length asked for by the block that begins here; negative once it was freed. */
  private final long[] requested;

  private long freeBytes;

  /** In blocks that were retired and are not released yet. */
  private long retiredBytes;

  /**
   * A pool of which nothing is handed out.
   *
   * @param poolBytes a power of two from {@link #SMALLEST_BLOCK_BYTES} to {@link
   *     #LARGEST_POOL_BYTES}
   */
  public BuddyAllocator(long poolBytes) {
    if (poolBytes < SMALLEST_BLOCK_BYTES
        || poolBytes > LARGEST_POOL_BYTES
        || Long.bitCount(poolBytes) != 1) {
      throw new IllegalArgumentException(
          "Pool of " + poolBytes + " bytes is not a power of two from 8 KiB to 64 GiB");
    }
    this.poolBytes = poolBytes;
    this.topOrder = orderOf(poolBytes);
    this.freeBytes = poolBytes;
    int leaves = 1 << topOrder;
    this.requested = new long[leaves];
    this.largestFree = new byte[2 * leaves];
    for (int order = 0, first = leaves; order <= topOrder; order++, first >>= 1) {
      Arrays.fill(largestFree, first, 2 * first, (byte) (order + 1));
    }
  }

  /**
   * {@return the bytes that a request for {@code length} takes from its pool} At least 8 KiB;
   * {@link Long#MAX_VALUE} beyond 2<sup>62</sup>, which no pool has.
   */
  public static long classBytes(long length) {
    if (length > 1L << 62) {
      return Long.MAX_VALUE;
    }
    return length <= SMALLEST_BLOCK_BYTES
        ? SMALLEST_BLOCK_BYTES
        : Long.highestOneBit(length - 1) << 1;
  }

  /** {@return the order of the block that a request for {@code length} takes} */
  static int orderOf(long length) {
    return length <= SMALLEST_BLOCK_BYTES
        ? 0
        : Long.SIZE - Long.numberOfLeadingZeros(length - 1) - SMALLEST_BLOCK_SHIFT;
  }

  /**
   * Takes a block.
   *
   * @param length in bytes, above 0
   * @return its offset, a multiple of {@link #classBytes}; -1 when no free block is large enough
   */
  public long allocate(long length) {
    if (length <= 0) {
      throw new IllegalArgumentException("Length " + length + " is not positive");
    }
    int order = orderOf(length);
    if (largestFree[1] <= order) {
      return -1;
    }
    int node = 1;
    for (int at = topOrder; at > order; at--) {
      int left = node << 1;
      int inLeft = largestFree[left];
      int inRight = largestFree[left + 1];
      boolean goLeft = inLeft > order && (inRight <= order || inLeft <= inRight);
      node = goLeft ? left : left + 1;
    }
    largestFree[node] = 0;
    int leaf = (node - (1 << (topOrder - order))) << order;
    requested[leaf] = length;
    freeBytes -= SMALLEST_BLOCK_BYTES << order;
    updateAbove(node, order);
    return (long) leaf << SMALLEST_BLOCK_SHIFT;
  }

  /**
   * Gives a block back.
   *
   * @param offset that {@link #allocate} returned
   * @param length that it was asked for
   */
  public FreeResult free(long offset, long length) {
    FreeResult result = retire(offset, length);
    if (result == FreeResult.FREED) {
      release(offset, length);
    }
    return result;
  }

  /**
   * As {@link #free}, save that nobody gets the block before {@link #release}.
   *
   * @param offset that {@link #allocate} returned
   * @param length that it was asked for
   */
  public FreeResult retire(long offset, long length) {
    FreeResult result = check(offset, length);
    if (result == FreeResult.FREED) {
      requested[(int) (offset >> SMALLEST_BLOCK_SHIFT)] = -length;
      retiredBytes += SMALLEST_BLOCK_BYTES << orderOf(length);
    }
    return result;
  }

  /** Lets a block that was retired be handed out again. */
  public void release(long offset, long length) {
    int leaf = (int) (offset >> SMALLEST_BLOCK_SHIFT);
    int order = orderOf(length);
    int node = (1 << (topOrder - order)) + (leaf >> order);
    largestFree[node] = (byte) (order + 1);
    freeBytes += SMALLEST_BLOCK_BYTES << order;
    retiredBytes -= SMALLEST_BLOCK_BYTES << order;
    updateAbove(node, order);
  }

  /** {@return what {@link #free} would say} Changes nothing. */
  public FreeResult check(long offset, long length) {
    if (offset < 0 || offset >= poolBytes || offset % SMALLEST_BLOCK_BYTES != 0) {
      return FreeResult.NOT_ALLOCATED;
    }
    int leaf = (int) (offset >> SMALLEST_BLOCK_SHIFT);
    long asked = requested[leaf];
    if (asked <= 0) {
      return asked == 0 ? FreeResult.NOT_ALLOCATED : FreeResult.ALREADY_FREE;
    }
    return asked == length ? FreeResult.FREED : FreeResult.WRONG_LENGTH;
  }

  /** Makes the numbers above {@code node}, a block of {@code order}, agree with those below. */
  private void updateAbove(int node, int order) {
    int whole = order + 1;
    for (int parent = node >> 1; parent > 0; parent >>= 1, whole++) {
      int inLeft = largestFree[parent << 1];
      int inRight = largestFree[(parent << 1) + 1];
      int now = inLeft == whole && inRight == whole ? whole + 1 : Math.max(inLeft, inRight);
      if (largestFree[parent] == now) {
        return;
      }
      largestFree[parent] = (byte) now;
    }
  }

  /** {@return whether nothing is handed out; what was retired is not} */
  public boolean isEmpty() {
    return freeBytes + retiredBytes == poolBytes;
  }

  /** {@return the bytes in free blocks, which need not be next to each other} */
  public long freeBytes() {
    return freeBytes;
  }

  /** {@return the largest request that would succeed now, in bytes; 0 when the pool is full} */
  public long largestFreeBytes() {
    return largestFree[1] == 0 ? 0 : SMALLEST_BLOCK_BYTES << (largestFree[1] - 1);
  }

  /** {@return the size of the whole pool} */
  public long poolBytes() {
    return poolBytes;
  }
}
