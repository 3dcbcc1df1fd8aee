// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.BuddyAllocator.FreeResult;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Managed memory: hands out blocks of registered memory, which it takes from a {@link MemorySource}
 * in large slabs.
 *
 * <h2>Pools</h2>
 *
 * <p>A pool is one piece of memory, one {@link Region} and one {@link BuddyAllocator}, so that a
 * thousand buffers are one registration. The first pool has 64 MiB, each further one twice the
 * largest that exists, up to 1 GiB; a request that needs more gets a pool of its class at once. A
 * request of more than 1 GiB gets a region of its own, with exactly its length. Pools begin at a
 * page, and the first block of a new pool lies at its base.
 *
 * <p>When the last block of a pool is freed, its registration ends before {@link #free} returns and
 * the memory goes back to the system. One empty pool of the first size is kept as a spare, without
 * a registration: a loop that allocates and frees one buffer would zero 64 MiB each time.
 *
 * <h2>Rights</h2>
 *
 * <p>What peers may do holds for whole registrations. So each pool has blocks of one kind of rights
 * only, and the sizes of pools grow for each kind by itself. Memory that was handed out under some
 * rights is never handed out under others: it is not cleared, and would show to readers what was
 * not for them.
 *
 * <h2>The limit</h2>
 *
 * <p>It counts what is taken from the system (pools, own regions, the spare; of all rights), which
 * is what the process grows by. It never stands in the way of a request that fits: near it the
 * spare is given up, a new pool is halved until it fits, down to the class of the request, and when
 * not even the class fits (classes are powers of two) the request gets a region of exactly its
 * length. Pools that another thread is returning are waited for. A device has a limit of its own,
 * which shows when it has no room: then a new pool is halved in the same way.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. One lock guards the tables and the arithmetic; it is never held while memory is
 * taken, zeroed, returned, registered or unregistered. One thread at a time makes a new pool,
 * others that need one wait for it and then look again: sixty-four first requests make one pool.
 *
 * <p>Blocks are not cleared when they are handed out again. One that was freed rests for {@link
 * #REST_SECONDS} before that, unless all others are in use: nothing is taken from the system for
 * the sake of it, and a pool whose blocks all rest is empty.
 */
public final class MemoryPool implements AutoCloseable {
  /** The first pool: worth the registration, and zeroed in some 20 ms. */
  public static final long FIRST_POOL_BYTES = 64L << 20;

  /** The largest pool: beyond it, zeroing takes half a second and a stray block pins too much. */
  public static final long LARGEST_POOL_BYTES = 1L << 30;

  /** A request waits this long for others that make or return pools, which takes seconds. */
  private static final long GROWTH_WAIT_SECONDS = 30;

  /**
   * A freed block is not handed out again for this long while there is another: a peer that still
   * has its address would write over its next owner. By then a transfer that had begun before the
   * free has met its deadline (MC_TRANSFER_TIMEOUT, 30 s unless it is set).
   */
  static final long REST_SECONDS = 30;

  private static final long REST_NANOS = TimeUnit.SECONDS.toNanos(REST_SECONDS);

  /**
   * A freed block is not handed out before the copies have ended that peers on this machine had
   * under way, each of a moment ({@link PeerCopies}). So it is waited for them, before more memory
   * is taken, and for longer before a request fails.
   */
  private static final long PEERS_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private static final long PEERS_AT_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(5);

  private static final Logger LOG = LoggerFactory.getLogger(MemoryPool.class);

  private final long limitBytes;
  private final long firstPoolBytes;
  private final long largestPoolBytes;
  private final LongSupplier nanoClock;
  private final MemorySource source;
  private final RegionRegistrar registrar;

  private final ReentrantLock lock = new ReentrantLock();

  /** Signalled when a pool was made or returned, or failed to be. */
  private final Condition changed = lock.newCondition();

  // All below: guarded by the lock.
  private final PoolTable table = new PoolTable();
  private final PoolReturns returns;
  private boolean isGrowing;
  private boolean isClosed;
  private long usedBytes;

  /**
   * An empty pool; takes no memory yet.
   *
   * @param limitBytes as much as may be taken from the system, above 0
   * @param source where the memory comes from
   * @param registrar makes regions of pools; called from the threads that allocate and free
   */
  public MemoryPool(long limitBytes, MemorySource source, RegionRegistrar registrar) {
    this(limitBytes, source, registrar, FIRST_POOL_BYTES, LARGEST_POOL_BYTES, System::nanoTime);
  }

  MemoryPool(
      long limitBytes,
      MemorySource source,
      RegionRegistrar registrar,
      long firstPoolBytes,
      long largestPoolBytes,
      LongSupplier nanoClock) {
    if (limitBytes <= 0) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "Limit of " + limitBytes + " bytes for managed memory is not positive",
          "Set " + PoolErrors.LIMIT_OPTION + " to a number of bytes above 0.");
    }
    this.limitBytes = limitBytes;
    this.source = source;
    this.registrar = registrar;
    this.firstPoolBytes = firstPoolBytes;
    this.largestPoolBytes = largestPoolBytes;
    this.nanoClock = nanoClock;
    this.returns = new PoolReturns(lock, changed, registrar, firstPoolBytes);
  }

  /** Hands out a block that peers may read and write; else as below. */
  public MemorySegment allocate(long lengthBytes) {
    return allocate(lengthBytes, AccessRights.READ_WRITE);
  }

  /**
   * Hands out a block of registered memory. It is the caller's until {@link #free}; its content is
   * whatever was there.
   *
   * @param lengthBytes above 0
   * @param rights what peers may do with it
   * @return exactly that many bytes, usable by any thread until {@code free}
   * @throws TransferException {@link ErrorCode#INVALID_ARGUMENT} for a length below 1, CLOSED for a
   *     closed pool, {@link ErrorCode#MEMORY} above the limit or when the system has no more, and
   *     what the registrar throws
   */
  public MemorySegment allocate(long lengthBytes, AccessRights rights) {
    if (lengthBytes <= 0) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "Length " + lengthBytes + " of a managed buffer is not positive",
          "Ask for at least 1 byte.");
    }
    PoolGrowth growth;
    boolean retried = false;
    boolean waited = false;
    boolean waitedAtLimit = false;
    lock.lock();
    try {
      long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(GROWTH_WAIT_SECONDS);
      while (true) {
        PoolErrors.requireOpen(isClosed);
        MemorySegment block = allocateFromPools(lengthBytes, rights);
        if (block != null) {
          return block;
        }
        if (!waited) {
          waited = true;
          if (returns.awaitPeers(table.heldBackBy(rights), PEERS_NANOS)) {
            continue;
          }
        }
        if (!retried && returns.hasKept()) {
          retried = true;
          lock.unlock();
          try {
            returns.retryKept();
          } finally {
            lock.lock();
          }
          continue;
        }
        if (!isGrowing) {
          PoolGrowth possible = planGrowth(lengthBytes, rights);
          if (possible != null) {
            growth = possible;
            break;
          }
          if (!returns.isReturning()) {
            if (!waitedAtLimit) {
              waitedAtLimit = true;
              if (returns.awaitPeers(table.heldBackBy(rights), PEERS_AT_LIMIT_NANOS)) {
                continue;
              }
            }
            throw PoolErrors.aboveLimit(requestText(lengthBytes, rights));
          }
        }
        awaitChange(deadlineNanos, lengthBytes, rights);
      }
      isGrowing = true;
      if (growth.reuse() != null || growth.giveUp() != null) {
        returns.takeSpare();
      }
    } finally {
      lock.unlock();
    }
    return grow(growth, lengthBytes, rights);
  }

  private @Nullable MemorySegment allocateFromPools(long lengthBytes, AccessRights rights) {
    MemorySegment block = table.allocate(lengthBytes, rights, nanoClock.getAsLong());
    if (block != null) {
      usedBytes += lengthBytes;
    }
    return block;
  }

  private @Nullable PoolGrowth planGrowth(long lengthBytes, AccessRights rights) {
    long largest = Math.max(firstPoolBytes >> 1, table.largestSharedBytes(rights));
    long nextBytes = Math.min(largestPoolBytes, Math.max(firstPoolBytes, largest << 1));
    return PoolGrowth.plan(
        lengthBytes,
        rights,
        nextBytes,
        largestPoolBytes,
        limitBytes - returns.reservedBytes(),
        returns.spare());
  }

  /** Makes the planned memory and serves the request from it. Without the lock, save at the end. */
  private MemorySegment grow(PoolGrowth growth, long lengthBytes, AccessRights rights) {
    PoolMemory made;
    try {
      if (growth.giveUp() != null) {
        returns.returnToSystem(growth.giveUp());
      }
      made = growth.reuse() != null ? growth.reuse() : take(growth, lengthBytes, rights);
      register(made);
    } catch (Throwable t) {
      endGrowth();
      throw t;
    }
    try {
      return enter(made, lengthBytes);
    } catch (Throwable t) {
      try {
        returns.giveBack(made);
      } catch (Throwable next) {
        t.addSuppressed(next);
      }
      throw t;
    }
  }

  /** Counts what it does not enter, since the pool was closed meanwhile, as to be returned. */
  private MemorySegment enter(PoolMemory made, long lengthBytes) {
    boolean entered = false;
    lock.lock();
    try {
      endGrowth();
      PoolErrors.requireOpen(isClosed);
      MemorySegment block = addAndAllocate(made, lengthBytes);
      entered = true;
      return block;
    } finally {
      if (!entered) {
        returns.expect();
        table.remove(made);
      }
      lock.unlock();
    }
  }

  private void endGrowth() {
    lock.lock();
    try {
      isGrowing = false;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Counts the memory once it is there; nobody else takes any, since one thread grows at a time.
   */
  private PoolMemory take(PoolGrowth growth, long lengthBytes, AccessRights rights) {
    PoolMemory taken;
    try {
      taken = PoolMemory.take(source, growth.bytes(), growth.isShared(), rights);
    } catch (OutOfMemoryError e) {
      PoolGrowth less = source.kind().isHost() ? null : growth.less(lengthBytes);
      if (less != null) {
        return take(less, lengthBytes, rights);
      }
      if (!source.kind().isHost() && returns.returnSpare()) {
        return take(growth, lengthBytes, rights);
      }
      String request = requestText(lengthBytes, rights);
      throw source.kind().isHost()
          ? PoolErrors.noMemory(request, e)
          : PoolErrors.noDeviceMemory(request, e);
    }
    returns.addReserved(taken.bytes());
    return taken;
  }

  private void register(PoolMemory memory) {
    try {
      memory.setRegion(registrar.register(memory.slab(), source, memory.rights(), memory.live()));
    } catch (Throwable t) {
      Region left = registrar.leftOf(memory.address(), memory.live());
      if (left == null) {
        returns.returnToSystem(memory);
      } else {
        // Peers and devices may still reach it.
        memory.setRegion(left);
        returns.keep(memory);
      }
      throw t;
    }
  }

  private MemorySegment addAndAllocate(PoolMemory made, long lengthBytes) {
    MemorySegment block = made.allocate(lengthBytes, nanoClock.getAsLong());
    if (block == null) {
      throw new IllegalStateException("New pool has no room for " + lengthBytes + " bytes");
    }
    table.add(made);
    usedBytes += lengthBytes;
    return block;
  }

  @SuppressWarnings("WaitNotInLoop") // The loop is the caller's: what it waits for is a decision.
  private void awaitChange(long deadlineNanos, long lengthBytes, AccessRights rights) {
    String problem;
    try {
      long leftNanos = deadlineNanos - System.nanoTime();
      if (leftNanos > 0) {
        changed.awaitNanos(leftNanos);
        return;
      }
      problem = "Other threads made or returned pools for " + GROWTH_WAIT_SECONDS + " s";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      problem = "Interrupted while other threads made or returned pools";
    }
    throw PoolErrors.waitEnded(problem, requestText(lengthBytes, rights));
  }

  private String requestText(long lengthBytes, AccessRights rights) {
    return locked(
        () ->
            PoolErrors.requestText(
                lengthBytes, rights, usedBytes, returns.reservedBytes(), limitBytes));
  }

  /**
   * Refuses new use of a block, as the first step of freeing it ({@link Region#acquire(long, long)}
   * then returns false). Uses in flight go on.
   *
   * @throws TransferException as {@link #free}, and when this was done before
   */
  public void refuse(long address, long lengthBytes) {
    lock.lock();
    try {
      PoolMemory memory = table.find(address);
      FreeResult result =
          memory == null ? FreeResult.NOT_ALLOCATED : memory.check(address, lengthBytes);
      PoolErrors.requireFreed(result, address, lengthBytes);
      if (memory == null || !memory.live().refuse(address - memory.address())) {
        throw PoolErrors.beingFreed(address);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Undoes {@link #refuse}: something still uses the block, and it cannot be freed yet. */
  public void readmit(long address, long lengthBytes) {
    lock.lock();
    try {
      PoolMemory memory = table.find(address);
      if (memory != null && memory.check(address, lengthBytes) == FreeResult.FREED) {
        memory.live().admit(address - memory.address(), lengthBytes);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes a block back. When it was the last one of its pool, this also ends the registration, and
   * waits for the transfers over it as long as the registrar does. What goes wrong with that is
   * logged: the block is free.
   *
   * @param address of a segment that {@link #allocate} returned
   * @param lengthBytes that was asked for
   * @throws TransferException {@link ErrorCode#ADDRESS_NOT_REGISTERED} when no block begins there
   *     (any more), {@link ErrorCode#INVALID_ARGUMENT} when a block begins there but of another
   *     length; then nothing was freed
   */
  public void free(long address, long lengthBytes) {
    PoolMemory emptied;
    lock.lock();
    try {
      PoolMemory memory = table.find(address);
      FreeResult result =
          memory == null
              ? FreeResult.NOT_ALLOCATED
              : memory.free(address, lengthBytes, nanoClock.getAsLong() + REST_NANOS);
      PoolErrors.requireFreed(result, address, lengthBytes);
      usedBytes -= lengthBytes;
      if (memory == null || !memory.isEmpty()) {
        return;
      }
      table.remove(memory);
      returns.expect();
      memory.releaseAll();
      emptied = memory;
    } finally {
      lock.unlock();
    }
    returns.retryKept();
    try {
      returns.giveBack(emptied);
    } catch (Throwable t) {
      PoolErrors.logAfterFree(LOG, t);
    }
  }

  private <T> T locked(Supplier<T> look) {
    lock.lock();
    try {
      return look.get();
    } finally {
      lock.unlock();
    }
  }

  /** {@return whether {@code address} lies in memory of this pool, handed out or not} */
  public boolean owns(long address) {
    return locked(() -> table.find(address) != null);
  }

  /** {@return the bytes that were asked for and not freed} */
  public long usedBytes() {
    return locked(() -> usedBytes);
  }

  /** {@return the bytes taken from the system, the spare included: what the limit counts} */
  public long reservedBytes() {
    return locked(returns::reservedBytes);
  }

  /** {@return the number of registrations: pools and own regions, not the spare} */
  public int poolCount() {
    return locked(() -> table.size());
  }

  /**
   * Ends every registration and returns all memory, freed or not; then waits at most 10 s for other
   * threads that are making or returning pools; what they do later still leaves nothing behind.
   * What fails does not keep the rest from going; the first failure is thrown at the end.
   * Idempotent.
   */
  @Override
  public void close() {
    closeBy(System.nanoTime() + TimeUnit.SECONDS.toNanos(10));
  }

  /** As {@link #close()}, waiting until {@code endNanos}; needs no heap, which may be full. */
  public void closeBy(long endNanos) {
    PoolMemory all;
    lock.lock();
    try {
      if (isClosed) {
        return;
      }
      isClosed = true;
      all = returns.takeAll(table);
      usedBytes = 0;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    Throwable failure = returns.giveBackAll(all);
    try {
      boolean _ = returns.returnSpare();
    } finally {
      awaitQuiet(endNanos);
    }
    if (failure != null) {
      throw new IllegalStateException("Memory could not be returned", failure);
    }
  }

  private void awaitQuiet(long endNanos) {
    lock.lock();
    try {
      long leftNanos = endNanos - System.nanoTime();
      while ((isGrowing || returns.isReturning()) && leftNanos > 0) {
        leftNanos = changed.awaitNanos(leftNanos);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
  }
}
