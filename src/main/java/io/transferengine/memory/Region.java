// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.access.AccessRights;
import io.transferengine.access.RegisteredRange;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * One registered range of memory, and how many transfers use it now.
 *
 * <p>Java's liveness checks stop neither a network card nor a socket write: only this count keeps
 * the bytes valid. Call {@link #acquire()} before anything may touch the range, and {@link
 * #release()} once nothing can touch it any more. To take the memory back, call {@link #refuse()},
 * wait with {@link #awaitIdle(Duration)}, and only then free it.
 *
 * <p>Thread-safe. {@code acquire} and {@code release} are one atomic operation on an uncontended
 * region and never take a lock, except for a release that a thread waits for.
 */
public final class Region implements RangeIndex.Ranged, RegisteredRange, UsedRanges<Region> {
  /** Who owns the memory of a region. */
  public enum Owner {
    /** Registered by the application, which unregisters it and then may free it. */
    APPLICATION,

    /** A slab of a {@link MemoryPool}, which hands out parts of it. Nobody else may end it. */
    POOL
  }

  /** The highest bit of {@link #state}: no new use. */
  private static final int REFUSED = 1 << 31;

  /** The next one: somebody is ending the region. The bits below are the uses in flight. */
  private static final int ENDING = 1 << 30;

  /** As many uses as the count has room for; far above what any batch table admits. */
  private static final int IN_FLIGHT_LIMIT = ENDING - 1;

  private final long address;
  private final long length;
  private final String location;
  private final MemoryKind kind;
  private final AccessRights rights;
  private final boolean touchable;
  private final long sequence;

  /** Null unless it is a managed pool, of which only parts are handed out. */
  private final @Nullable LiveBlocks blocks;

  private final int descriptor;

  private final AtomicInteger state = new AtomicInteger();

  /** Waiters for the last release wait here; see {@link #wakeWaiters()}. */
  private final Object idle = new Object();

  /** Memory of the application. Made by {@link RegionTable}, which has checked the range. */
  Region(
      long address,
      long length,
      String location,
      MemoryKind kind,
      AccessRights rights,
      long sequence) {
    this.address = address;
    this.length = length;
    this.location = location;
    this.kind = kind;
    this.rights = rights;
    this.touchable = kind.isHost();
    this.sequence = sequence;
    this.blocks = null;
    this.descriptor = -1;
  }

  /** A slab of a managed pool, of which only the parts that {@code live} admits may be used. */
  Region(
      long address,
      long length,
      MemorySource source,
      AccessRights rights,
      long sequence,
      LiveBlocks live) {
    this(address, length, source, rights, sequence, live, -1);
  }

  /** The same, all of the memfd with a descriptor, if that is not -1. */
  Region(
      long address,
      long length,
      MemorySource source,
      AccessRights rights,
      long sequence,
      LiveBlocks live,
      int descriptor) {
    this.address = address;
    this.length = length;
    this.location = source.location();
    this.kind = source.kind();
    this.rights = rights;
    this.touchable = source.isTouchable();
    this.sequence = sequence;
    this.blocks = live;
    this.descriptor = descriptor;
  }

  /** {@return the first byte's address} */
  @Override
  public long address() {
    return address;
  }

  /** {@return the length in bytes, at least 1} */
  @Override
  public long length() {
    return length;
  }

  /** {@return the address after the last byte} */
  @Override
  public long end() {
    return address + length;
  }

  /**
   * {@return where the memory is, as published to peers: {@code cpu:0}, {@code *}, {@code cuda:3}}
   */
  @Override
  public String location() {
    return location;
  }

  /** {@return what memory it is; transports are chosen by it} */
  public MemoryKind kind() {
    return kind;
  }

  /** {@return what peers may do with it; nothing is asked of our own transfers} */
  @Override
  public AccessRights rights() {
    return rights;
  }

  /**
   * {@return whether the processor may read and write it by its address} Code that does so gets the
   * region from {@link RegionTable#acquireTouchable}, which checks this.
   */
  public boolean isTouchable() {
    return touchable;
  }

  /** {@return who gives the memory back to the system} */
  public Owner owner() {
    return blocks == null ? Owner.APPLICATION : Owner.POOL;
  }

  /** {@return the descriptor of the sealed memfd that it is all of; -1 if it is of none} */
  public int descriptor() {
    return descriptor;
  }

  /** {@return which parts of it are handed out; null unless it is a managed pool} */
  public @Nullable LiveBlocks blocks() {
    return blocks;
  }

  /** {@return whether it is the one of the pool that has these blocks} */
  public boolean isPoolOf(LiveBlocks of) {
    return blocks == of;
  }

  /** {@return the place in the order of registration: higher means registered later} */
  public long sequence() {
    return sequence;
  }

  /**
   * {@return whether the bytes from {@code address} on, {@code length} of them, all lie in this
   * region} False for a length below 1 and for ranges beyond the end of the address space.
   */
  public boolean covers(long address, long length) {
    // All comparisons are between numbers from 0 up, so that none of them can overflow.
    return length > 0
        && address >= this.address
        && length <= this.length
        && address - this.address <= this.length - length;
  }

  @Override
  public @Nullable Region at(long address) {
    return covers(address, 1) ? this : null;
  }

  @Override
  public long endAt(long address) {
    return covers(address, 1) ? end() : 0;
  }

  @Override
  public boolean areHost() {
    return kind.isHost();
  }

  @Override
  public boolean isOne() {
    return true;
  }

  /**
   * {@return how far one may go on from {@code address}: the address after the last byte of the
   * region or, where the region is a pool, of the block handed out that holds it; 0 for an address
   * that is not this region's, or not handed out}
   */
  public long usableEnd(long address) {
    if (address < this.address || address - this.address >= length) {
      return 0;
    }
    if (blocks == null) {
      return end();
    }
    long end = blocks.endOfBlock(address - this.address);
    return end == 0 ? 0 : this.address + end;
  }

  /**
   * As {@link #acquire()}, for a use of these bytes only, which have to lie in this region and,
   * where it is a pool, in one block that is handed out.
   *
   * <p>The use is counted before the block is checked, and freeing closes a block before it reads
   * the count. So either this returns false, or the freeing thread sees a use to wait for.
   *
   * @return false if they may not be used; then nothing was counted
   */
  public boolean acquire(long address, long length) {
    if (!covers(address, length) || !acquire()) {
      return false;
    }
    if (address + length <= usableEnd(address)) {
      return true;
    }
    release();
    return false;
  }

  /**
   * Counts one more use, which must be followed by exactly one {@link #release()}.
   *
   * @return false if the region refuses new use; then nothing was counted
   */
  public boolean acquire() {
    while (true) {
      int seen = state.get();
      if (seen < 0) {
        return false;
      }
      if (seen == IN_FLIGHT_LIMIT) {
        throw new IllegalStateException("Uses never released: " + this);
      }
      if (state.compareAndSet(seen, seen + 1)) {
        return true;
      }
    }
  }

  /**
   * Ends one use: nothing touches the memory on its behalf any more.
   *
   * @throws IllegalStateException when there was no use to end, a bug in the caller
   */
  @Override
  public void release() {
    while (true) {
      int seen = state.get();
      if ((seen & IN_FLIGHT_LIMIT) == 0) {
        throw new IllegalStateException("Released more often than acquired: " + this);
      }
      if (state.compareAndSet(seen, seen - 1)) {
        if (isIdle(seen - 1)) {
          wakeWaiters();
        }
        return;
      }
    }
  }

  /** {@return the number of uses in flight; a snapshot} */
  public int inFlight() {
    return state.get() & IN_FLIGHT_LIMIT;
  }

  /**
   * Refuses new use from now on. Uses in flight go on. Idempotent.
   *
   * @return whether this call is the one that ends the region: of several threads that unregister
   *     it, exactly one gets true, until that one says {@link #notEnded()}
   */
  public boolean refuse() {
    int before = state.get();
    while (!state.compareAndSet(before, before | REFUSED | ENDING)) {
      before = state.get();
    }
    if (before == 0) {
      wakeWaiters();
    }
    return (before & ENDING) == 0;
  }

  /**
   * The thread that refused the region could not end it. It stays refused, and the next caller of
   * {@link #refuse()} may try. Throws nothing and needs no memory.
   */
  public void notEnded() {
    // No lambda for it: to link one that has not run before takes memory of the heap.
    int seen = state.get();
    while (!state.compareAndSet(seen, seen & ~ENDING)) {
      seen = state.get();
    }
  }

  private static boolean isIdle(int state) {
    return (state & ~ENDING) == REFUSED;
  }

  /** {@return whether {@link #refuse()} was called} */
  public boolean isRefused() {
    return state.get() < 0;
  }

  /**
   * Waits until the region is refused and nothing is in flight, or {@code timeout} is over.
   *
   * @param timeout zero or negative only looks
   * @return whether it is refused and idle; it stays so
   * @throws InterruptedException when the waiting thread was interrupted
   */
  public boolean awaitIdle(Duration timeout) throws InterruptedException {
    if (isIdle(state.get())) {
      return true;
    }
    // Saturates where Duration.toNanos() would throw: "forever" is a reasonable timeout.
    long timeoutNanos = Math.max(0, TimeUnit.NANOSECONDS.convert(timeout));
    long startNanos = System.nanoTime();
    synchronized (idle) {
      while (!isIdle(state.get())) {
        long leftNanos = timeoutNanos - (System.nanoTime() - startNanos);
        if (leftNanos <= 0) {
          return false;
        }
        TimeUnit.NANOSECONDS.timedWait(idle, leftNanos);
      }
      return true;
    }
  }

  /**
   * The state is changed before the lock is taken, and waiters look at the state while they hold
   * the lock: a waiter either sees the change or is already waiting when this notifies.
   */
  private void wakeWaiters() {
    synchronized (idle) {
      idle.notifyAll();
    }
  }

  @Override
  public String toString() {
    int seen = state.get();
    return "Region "
        + Ranges.text(address, length)
        + " at "
        + location
        + ", "
        + (seen & IN_FLIGHT_LIMIT)
        + " in flight"
        + (seen < 0 ? ", refused" : "");
  }
}
