// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The parts of a pool that are handed out now. Event loops that serve peers, and our own transfers,
 * must not touch the rest. A pool is one registration, so the registration alone would let a peer
 * into memory that is free or belongs to another allocation.
 *
 * <p>The truth is the length of each block, at the place where the block begins: above 0 it is
 * handed out. To find that place from any address within, each place of {@link
 * BuddyAllocator#SMALLEST_BLOCK_BYTES} has a hint: the order of the block that last covered it. A
 * hint may be old. It then leads to a place where no block begins, or to one that really is handed
 * out; what is compared with its length in the end is the block that the length belongs to.
 *
 * <p>Thread-safe. The pool makes changes one after another. A look-up takes no lock, waits for
 * nothing and allocates nothing.
 */
public final class LiveBlocks {
  /** For memory that is one single block: all of it is the first place. */
  private static final int ONE_PLACE_SHIFT = Long.SIZE - 2;

  private final int placeShift;
  private final byte[] orders;
  private final AtomicLongArray lengths;

  private LiveBlocks(int placeShift, int places) {
    this.placeShift = placeShift;
    this.orders = new byte[places];
    this.lengths = new AtomicLongArray(places);
  }

  /** {@return a table for a pool of {@code poolBytes} bytes, none of them handed out} */
  static LiveBlocks ofPool(long poolBytes) {
    int shift = Long.numberOfTrailingZeros(BuddyAllocator.SMALLEST_BLOCK_BYTES);
    return new LiveBlocks(shift, (int) (poolBytes >> shift));
  }

  /** {@return a table for memory that is handed out as a whole, and is not yet} */
  static LiveBlocks ofOneBlock() {
    return new LiveBlocks(ONE_PLACE_SHIFT, 1);
  }

  /** From now on {@code length} bytes from {@code offset} on may be used. */
  void admit(long offset, long length) {
    int place = (int) (offset >> placeShift);
    if (orders.length > 1) {
      int order = BuddyAllocator.orderOf(length);
      Arrays.fill(orders, place, place + (1 << order), (byte) order);
    }
    lengths.set(place, length);
  }

  /**
   * Refuses new use of the block at {@code offset}.
   *
   * @return whether this call was the one that closed it
   */
  boolean refuse(long offset) {
    return lengths.getAndSet((int) (offset >> placeShift), 0) > 0;
  }

  /**
   * {@return the offset after the last byte of the block that holds {@code offset}, which is handed
   * out; 0 when there is none}
   *
   * @param offset within the pool
   */
  long endOfBlock(long offset) {
    int place = (int) (offset >> placeShift);
    int order = orders[place];
    int first = (place >> order) << order;
    long end = ((long) first << placeShift) + lengths.get(first);
    // A block that is not handed out has length 0: its end is not above any offset in it.
    return end > offset ? end : 0;
  }
}
