// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.BuddyAllocator.FreeResult;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One slab taken from a {@link MemorySource}: either a pool shared by many blocks, or a region that
 * is one single block. Guarded by the lock of its {@link MemoryPool}, {@link #giveBack()} aside.
 */
final class PoolMemory {
  private final MemorySource.Slab slab;
  private final AccessRights rights;

  /** The address as a key, made beforehand: to look it up takes no memory then. */
  private final Long key;

  /** Null for a region of one block. */
  private final @Nullable BuddyAllocator blocks;

  private final LiveBlocks live;

  /**
   * The oldest of the blocks that were freed and are kept back for a while. A chain: to lengthen it
   * takes no more memory than the new link, so no block that is in it can be lost.
   */
  private @Nullable Retired oldest;

  private @Nullable Retired newest;

  private boolean singleBlockInUse;
  private @Nullable Region region;
  private @Nullable PoolMemory nextKept;

  private static final class Retired {
    private final long offset;
    private final long length;
    private final long untilNanos;

    /** Copies of other processes that may have been in it when it was freed. */
    private long copies;

    private @Nullable Retired next;

    Retired(long offset, long length, long untilNanos) {
      this.offset = offset;
      this.length = length;
      this.untilNanos = untilNanos;
    }
  }

  private PoolMemory(MemorySource.Slab slab, AccessRights rights, @Nullable BuddyAllocator blocks) {
    this.slab = slab;
    this.rights = rights;
    this.key = slab.address();
    this.blocks = blocks;
    this.live = blocks == null ? LiveBlocks.ofOneBlock() : LiveBlocks.ofPool(blocks.poolBytes());
  }

  /**
   * Takes a slab, zeroed.
   *
   * @param rights what peers may do with it, as long as it exists: it is not cleared between blocks
   * @throws OutOfMemoryError when there is none
   */
  static PoolMemory take(MemorySource source, long bytes, boolean isShared, AccessRights rights) {
    BuddyAllocator blocks = isShared ? new BuddyAllocator(bytes) : null;
    MemorySource.Slab slab = source.take(bytes);
    try {
      return new PoolMemory(slab, rights, blocks);
    } catch (Throwable t) {
      slab.giveBack();
      throw t;
    }
  }

  MemorySource.Slab slab() {
    return slab;
  }

  long address() {
    return slab.address();
  }

  Long key() {
    return key;
  }

  long bytes() {
    return slab.bytes();
  }

  /** {@return what peers may do with it} */
  AccessRights rights() {
    return rights;
  }

  boolean isShared() {
    return blocks != null;
  }

  boolean contains(long address) {
    return address >= address() && address - address() < bytes();
  }

  /** {@return which of its blocks are handed out and not being freed} */
  LiveBlocks live() {
    return live;
  }

  /** Notes the registration, the last one that it has. */
  void setRegion(Region region) {
    this.region = region;
  }

  /** {@return the registration} */
  Region region() {
    Region known = region;
    if (known == null) {
      throw new IllegalStateException("Memory at " + Ranges.hex(address()) + " is not registered");
    }
    return known;
  }

  /**
   * {@return the next of those that could not be given back; so that to keep one takes no memory}
   */
  @Nullable PoolMemory nextKept() {
    return nextKept;
  }

  void setNextKept(@Nullable PoolMemory next) {
    nextKept = next;
  }

  /**
   * {@return a block of {@code length} bytes, or null when there is no room}
   *
   * @param nowNanos of the blocks that were freed only those are used again whose time has come
   */
  @Nullable MemorySegment allocate(long length, long nowNanos) {
    if (blocks != null) {
      boolean isReleased = true;
      while (isReleased && oldest != null && oldest.untilNanos - nowNanos <= 0) {
        isReleased = releaseOldest(blocks);
      }
      return handOut(blocks, length);
    }
    if (singleBlockInUse || length != bytes()) {
      return null;
    }
    MemorySegment block = slab.part(0, length);
    singleBlockInUse = true;
    live.admit(0, length);
    return block;
  }

  /**
   * {@return as {@link #allocate}, but of the blocks that were freed as many are used again as it
   * takes, the oldest first}
   */
  @Nullable MemorySegment allocateFromRetired(long length) {
    MemorySegment block = null;
    while (blocks != null && block == null && releaseOldest(blocks)) {
      block = handOut(blocks, length);
    }
    return block;
  }

  private @Nullable MemorySegment handOut(BuddyAllocator from, long length) {
    long offset = from.allocate(length);
    if (offset < 0) {
      return null;
    }
    try {
      MemorySegment block = slab.part(offset, length);
      live.admit(offset, length);
      return block;
    } catch (Throwable t) {
      from.release(offset, length);
      throw t;
    }
  }

  /** {@return whether there was one} One that another process may still be in stays. */
  private boolean releaseOldest(BuddyAllocator from) {
    Retired first = oldest;
    PeerCopies peers = live.peers();
    if (first == null || (peers != null && !peers.areOver(first.copies))) {
      return false;
    }
    release(from, first);
    return true;
  }

  private void release(BuddyAllocator from, Retired first) {
    oldest = first.next;
    newest = oldest == null ? null : newest;
    from.release(first.offset, first.length);
  }

  /**
   * {@return whose copies kept freed blocks from being handed out, when {@link
   * #allocateFromRetired} has found nothing just now; they may have ended since; null if nobody's
   * did}
   */
  @Nullable PeerCopies heldBackBy() {
    return oldest == null ? null : live.peers();
  }

  private void retire(Retired last) {
    if (newest == null) {
      oldest = last;
    } else {
      newest.next = last;
    }
    newest = last;
  }

  /**
   * Takes a block back.
   *
   * @param untilNanos it is not handed out again before, unless there is no other
   */
  FreeResult free(long address, long length, long untilNanos) {
    FreeResult result = check(address, length);
    if (result == FreeResult.FREED) {
      long offset = address - address();
      // First what may find no memory: then the block is as it was, and can be freed again.
      Retired freed = blocks == null ? null : new Retired(offset, length, untilNanos);
      boolean _ = live.refuse(offset);
      PeerCopies peers = live.peers();
      if (freed != null && peers != null) {
        freed.copies = peers.underWay();
      }
      if (blocks == null || freed == null) {
        singleBlockInUse = false;
      } else {
        result = blocks.retire(offset, length);
        retire(freed);
      }
    }
    return result;
  }

  /**
   * Makes it as if no block had ever been handed out. It is handed out again only when its
   * registration has ended, and with it all copies.
   */
  void releaseAll() {
    while (blocks != null && oldest != null) {
      release(blocks, oldest);
    }
  }

  /** {@return what {@link #free} would say} Changes nothing. */
  FreeResult check(long address, long length) {
    if (blocks != null) {
      return blocks.check(address - address(), length);
    }
    if (address != address()) {
      return FreeResult.NOT_ALLOCATED;
    }
    if (length != bytes()) {
      return FreeResult.WRONG_LENGTH;
    }
    return singleBlockInUse ? FreeResult.FREED : FreeResult.ALREADY_FREE;
  }

  boolean isEmpty() {
    return blocks != null ? blocks.isEmpty() : !singleBlockInUse;
  }

  /**
   * Gives the slab back to its source.
   *
   * @throws IllegalStateException when somebody, such as Java's own I/O, uses a part of it right
   *     now
   */
  void giveBack() {
    slab.giveBack();
  }
}
