// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.transfer.TransferException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a {@link MemoryPool} gives memory back, and what it has of the system's until then. Its
 * registration ends first. Then it is the spare, or goes to the system. What cannot go yet, since
 * its registration cannot end, is kept and tried again.
 *
 * <p>Uses the lock of the pool, which is held for the tables and the figures only. Methods that are
 * to be called with it say so.
 */
final class PoolReturns {
  private static final Logger LOG = LoggerFactory.getLogger(PoolReturns.class);

  private final ReentrantLock lock;
  private final Condition changed;
  private final RegionRegistrar registrar;
  private final long spareBytes;

  // All below: guarded by the lock.
  private final KeptMemory kept = new KeptMemory();
  private @Nullable PoolMemory spare;
  private int returningCount;
  private long reservedBytes;
  private boolean isClosed;

  /**
   * Nothing taken yet.
   *
   * @param lock of the pool
   * @param changed signalled when memory was given back, or could not be
   * @param spareBytes the size of a pool that may be the spare
   */
  PoolReturns(ReentrantLock lock, Condition changed, RegionRegistrar registrar, long spareBytes) {
    this.lock = lock;
    this.changed = changed;
    this.registrar = registrar;
    this.spareBytes = spareBytes;
  }

  /** {@return whether something could not be given back yet} With the lock. */
  boolean hasKept() {
    return !kept.isEmpty();
  }

  /** {@return whether somebody is giving memory back right now} With the lock. */
  boolean isReturning() {
    return returningCount > 0;
  }

  /** {@return the empty pool that is kept without a registration} With the lock. */
  @Nullable PoolMemory spare() {
    return spare;
  }

  /** The spare is the caller's now. With the lock. */
  void takeSpare() {
    spare = null;
  }

  /** {@return the bytes that were taken from the system and not returned} With the lock. */
  long reservedBytes() {
    return reservedBytes;
  }

  /** Counts memory that {@link #giveBack} is to be called for. With the lock. */
  void expect() {
    returningCount++;
  }

  /** Counts bytes that were taken from the system, or returned if negative. */
  void addReserved(long bytes) {
    lock.lock();
    try {
      reservedBytes += bytes;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for the copies of other processes that keep freed blocks from being handed out. With the
   * lock, which is given up meanwhile.
   *
   * @return whether there were any; what was found with the lock has to be looked at again
   */
  boolean awaitPeers(@Nullable PeerCopies copies, long nanos) {
    if (copies == null) {
      return false;
    }
    long underWay = copies.underWay();
    lock.unlock();
    try {
      boolean _ = copies.await(underWay, nanos);
    } finally {
      lock.lock();
    }
    return true;
  }

  /** Keeps what is still registered, until a later attempt to end that succeeds. */
  void keep(PoolMemory memory) {
    lock.lock();
    try {
      kept.add(memory);
    } finally {
      lock.unlock();
    }
  }

  /**
   * {@return all memory of a table that is closed, and all that was kept, for {@link #giveBackAll}}
   * From now on there is no new spare. With the lock; needs no memory.
   */
  @Nullable PoolMemory takeAll(PoolTable table) {
    isClosed = true;
    table.moveTo(kept);
    return takeKept();
  }

  /** Returns the spare to the system; {@return whether there was one} */
  boolean returnSpare() {
    PoolMemory empty;
    lock.lock();
    try {
      empty = spare;
      spare = null;
    } finally {
      lock.unlock();
    }
    if (empty == null) {
      return false;
    }
    returnToSystem(empty);
    return true;
  }

  /**
   * Ends the registration of memory that is in no table any more, then keeps it as the spare or
   * returns it to the system. The caller has counted it with {@link #expect}.
   *
   * <p>When the registrar fails, something may still touch the memory: it is kept, and counted
   * against the limit, until a later attempt succeeds ({@link #retryKept}).
   */
  void giveBack(PoolMemory memory) {
    boolean ended = false;
    try {
      registrar.unregister(memory.region());
      ended = true;
      if (!keepAsSpare(memory)) {
        returnToSystem(memory);
      }
    } catch (TransferException e) {
      throw ended ? e : PoolErrors.kept(memory, e);
    } finally {
      returned(memory, !ended);
    }
  }

  private void returned(PoolMemory memory, boolean isKept) {
    lock.lock();
    try {
      if (isKept) {
        kept.add(memory);
      }
      returningCount--;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Tries again to give back memory that could not be given back. It runs whenever memory is given
   * back to, or taken from, the system, which is seldom. The first failure was logged.
   */
  void retryKept() {
    PoolMemory all;
    lock.lock();
    try {
      all = takeKept();
    } finally {
      lock.unlock();
    }
    // What fails is kept again. A peer that does not go on holds up each of them, for seconds.
    var _ = giveBackAll(all, true);
  }

  /** {@return a chain, as {@link KeptMemory#takeAll}; each of it counts as being returned} */
  private @Nullable PoolMemory takeKept() {
    PoolMemory all = kept.takeAll();
    for (PoolMemory each = all; each != null; each = each.nextKept()) {
      returningCount++;
    }
    return all;
  }

  /** {@return the first failure, or null} Gives back each of a chain, whatever others throw. */
  @Nullable Throwable giveBackAll(@Nullable PoolMemory chain) {
    return giveBackAll(chain, false);
  }

  private @Nullable Throwable giveBackAll(@Nullable PoolMemory chain, boolean untilOneIsBusy) {
    Throwable failure = null;
    boolean isBusy = false;
    PoolMemory next = chain;
    while (next != null) {
      PoolMemory memory = next;
      // Read before: it may be kept again, with another one next to it.
      next = memory.nextKept();
      if (isBusy && untilOneIsBusy) {
        returned(memory, true);
        continue;
      }
      try {
        giveBack(memory);
      } catch (Throwable t) {
        isBusy |= t instanceof TransferException;
        failure = failure == null ? t : failure;
      }
    }
    return failure;
  }

  private boolean keepAsSpare(PoolMemory memory) {
    lock.lock();
    try {
      boolean keep =
          !isClosed && spare == null && memory.isShared() && memory.bytes() == spareBytes;
      if (keep) {
        spare = memory;
      }
      return keep;
    } finally {
      lock.unlock();
    }
  }

  void returnToSystem(PoolMemory memory) {
    long bytes = memory.bytes();
    boolean isLost = false;
    try {
      memory.giveBack();
    } catch (IllegalStateException e) {
      isLost = true;
      LOG.warn(
          "{} bytes of managed memory at {} are lost: something still uses a part of it ({})."
              + " Free a buffer only when everything that was given it has ended.",
          bytes,
          Ranges.hex(memory.address()),
          e.getMessage());
    } finally {
      if (!isLost) {
        addReserved(-bytes);
      }
    }
  }
}
