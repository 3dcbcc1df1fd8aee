// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

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

  /** Who has to know as well; null: nobody. */
  private volatile @Nullable PeerCopies peers;

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
    PeerCopies others = peers;
    if (others != null) {
      others.admit(offset, length);
    }
  }

  /**
   * Refuses new use of the block at {@code offset}.
   *
   * @return whether this call was the one that closed it
   */
  boolean refuse(long offset) {
    boolean wasOpen = lengths.getAndSet((int) (offset >> placeShift), 0) > 0;
    PeerCopies others = peers;
    if (others != null) {
      others.refuse(offset);
    }
    return wasOpen;
  }

  /**
   * Tells other processes from now on what is handed out, of which there must be nothing yet; or
   * nobody.
   */
  public void showTo(@Nullable PeerCopies others) {
    peers = others;
  }

  /** {@return who copies from and to the blocks, asking nobody; null if nobody does} */
  @Nullable PeerCopies peers() {
    return peers;
  }

  /** {@return the distance of places where blocks may begin, as a power of two} */
  public int placeShift() {
    return placeShift;
  }

  /** {@return how many such places there are} */
  public int places() {
    return orders.length;
  }

  /** {@return over how many places a block reaches, as a power of two} */
  public int orderOf(long length) {
    return orders.length > 1 ? BuddyAllocator.orderOf(length) : 0;
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
