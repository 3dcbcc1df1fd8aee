// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.access.AccessRights;
import io.transferengine.device.Devices;
import io.transferengine.memory.LiveBlocks;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.MemoryPool;
import io.transferengine.memory.MemorySource;
import io.transferengine.memory.OffHeapSource;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionRegistrar;
import io.transferengine.memory.RegionTable;
import io.transferengine.memory.UsedRanges;
import io.transferengine.metrics.Gauge;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.SeveralRegions;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The memory that this engine may touch: what callers registered and what it allocated itself.
 *
 * <p>Taking memory back has three steps, the same for an unregistration and for a free. First the
 * range is closed to new use: a region refuses, a managed block is marked. Then transfers over it
 * get a second to end, and are cut off after that. Only then is the range forgotten, or handed out
 * again. A lock makes the first step atomic. A new transfer checks its ranges and enters the table
 * of active transfers under the read side; closing a range takes the write side for that moment. So
 * afterwards every user is either in the table or refused.
 *
 * <p>Thread-safe.
 */
public final class LocalMemory implements RegionRegistrar, MemoryBytes.Host {

  /** The transports and peers that use the ranges. */
  public interface Users extends RegionEnds.Users {
    /**
     * Prepares new ranges for use, all or none. May block.
     *
     * @throws TransferException if it cannot; then nothing is left of the attempt
     */
    void registered(List<Region> regions);

    /** Waits, but not long, until peers can learn of the registered ranges. */
    void awaitPublished();

    /**
     * {@return whether memory of a kind can be moved}
     *
     * @throws TransferException that says why not, where that is known
     */
    boolean takes(MemoryKind kind);

    /** {@return the transports, for the text of an error} */
    String shownTransports();
  }

  private static final String ANYWHERE = "*";

  /** How long transfers over memory that is taken back may go on. */
  static final Duration GRACE = Duration.ofSeconds(1);

  /** Made before it is needed, which is when memory has run out. */
  private static final Consumer<Region> RELEASE = Region::release;

  /** How long canceled transfers may take until the last one has released the memory. */
  private static final Duration CUT_OFF_WAIT = Duration.ofSeconds(10);

  private final RegionTable regions = new RegionTable();
  private final ManagedPools pools;
  private final OwnDevices devices;
  private final MemoryPlaces places;
  private final MemoryBytes bytes;
  private final Users users;
  private final ReadWriteLock lock = new ReentrantReadWriteLock();

  /** Keeps the caller's segments alive while they are registered. */
  private final Map<Region, MemorySegment> registered = new ConcurrentHashMap<>();

  private final RegionEnds ends;

  private volatile Duration grace = GRACE;
  private volatile long closeEndNanos;
  private volatile boolean closed;

  /**
   * Nothing registered yet.
   *
   * @param managedLimitBytes the most that {@link #allocate} may take from the system
   */
  public LocalMemory(long managedLimitBytes, Users users) {
    this(managedLimitBytes, new OffHeapSource("*"), new Devices(), users);
  }

  /**
   * Nothing registered yet.
   *
   * @param managedLimitBytes the most that {@link #allocate} may take
   * @param source where it takes that from, unless it is a device's
   * @param devices closed with it
   */
  LocalMemory(long managedLimitBytes, MemorySource source, Devices devices, Users users) {
    this.pools = new ManagedPools(new MemoryPool(managedLimitBytes, source, this), devices, this);
    this.devices = new OwnDevices(devices);
    this.places = new MemoryPlaces(devices);
    this.bytes = new MemoryBytes(this, regions, devices);
    this.users = users;
    this.ends = new RegionEnds(regions, users, this::forgotten, this::cutOffWait);
  }

  /** Measures what was allocated. */
  void measure(ObjLongConsumer<Gauge> to) {
    pools.measure(to);
  }

  /** {@return the table of registrations} */
  public RegionTable regions() {
    return regions;
  }

  /** {@return copies between it and arrays} */
  public MemoryBytes bytes() {
    return bytes;
  }

  /** {@return the devices whose memory it has} */
  OwnDevices devices() {
    return devices;
  }

  // ---- registration

  /** Registers memory that belongs to the caller; peers may read and write it. */
  public Region register(long address, long length, String location) {
    return register(address, length, location, AccessRights.READ_WRITE);
  }

  /** Registers memory that belongs to the caller. */
  public Region register(long address, long length, String location, AccessRights rights) {
    return registerAll(new long[] {address}, new long[] {length}, location, rights).getFirst();
  }

  /** Registers a segment, which stays reachable until it is unregistered. */
  public Region registerSegment(MemorySegment memory, String location, AccessRights rights) {
    Region region = register(memory.address(), memory.byteSize(), location, rights);
    try {
      registered.put(region, memory);
    } catch (Throwable t) {
      undo(List.of(region), t);
      throw t;
    }
    return region;
  }

  /** Registers all ranges or none; peers may read and write them. */
  public List<Region> registerAll(long[] addresses, long[] lengths, String location) {
    return registerAll(addresses, lengths, location, AccessRights.READ_WRITE);
  }

  /** Registers all ranges or none. */
  public List<Region> registerAll(
      long[] addresses, long[] lengths, String location, AccessRights rights) {
    Objects.requireNonNull(rights, "rights must not be null");
    String[] found = places.find(addresses, lengths, location);
    for (String each : found) {
      requireTaken(each);
    }
    List<Region> made = regions.registerAll(addresses, lengths, found, rights);
    prepare(made);
    return made;
  }

  private void requireTaken(String location) {
    MemoryKind kind = MemoryKind.at(location);
    if (!kind.isHost() && !users.takes(kind)) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "Memory at location '"
              + location
              + "' cannot be moved over "
              + users.shownTransports()
              + ", which reads and writes memory with the processor",
          "Register host memory (location '*' or 'cpu:N'), or use a transport that moves it");
    }
  }

  /**
   * Tells the transports and the peers of ranges that are already in the table: of all, or of none.
   * After a failure nobody can reach them.
   */
  private void prepare(List<Region> made) {
    try {
      users.registered(made);
      users.awaitPublished();
      // The closing thread reads the table after it sets this flag: one of the two sees the other.
      requireOpen();
    } catch (Throwable t) {
      undo(made, t);
      throw t;
    }
  }

  private void requireOpen() {
    if (closed) {
      throw TransferErrors.closedEngine();
    }
  }

  /** Takes back ranges that cannot be handed over; a peer may already use them. */
  private void undo(List<Region> made, Throwable why) {
    try {
      drainAndForget(close(made));
    } catch (Throwable t) {
      why.addSuppressed(t);
    }
  }

  /**
   * Ends the registration that begins at an address.
   *
   * @throws TransferException ADDRESS_NOT_REGISTERED if none begins there
   */
  public void unregister(long address) {
    unregisterAll(new long[] {address});
  }

  /**
   * Ends the registrations that begin at some addresses. All share one grace period, one change of
   * each table and one publication.
   *
   * @throws TransferException the first failure, after all others were ended: that of a transport
   *     that does not let go of a range, which may be tried again; or ADDRESS_NOT_REGISTERED for an
   *     address where none begins
   */
  public void unregisterAll(long[] addresses) {
    List<Region> closed = new ArrayList<>(addresses.length);
    int unknown = 0;
    long firstUnknown = 0;
    lock.writeLock().lock();
    try {
      for (long address : addresses) {
        Region region = regions.byAddress(address);
        if (region != null && region.owner() == Region.Owner.APPLICATION && region.refuse()) {
          closed.add(region);
        } else if (unknown++ == 0) {
          firstUnknown = address;
        }
      }
    } finally {
      lock.writeLock().unlock();
    }
    drainAndForget(closed);
    if (unknown > 0) {
      throw new TransferException(
          ErrorCode.ADDRESS_NOT_REGISTERED,
          "No registration begins at 0x%x%s"
              .formatted(firstUnknown, unknown > 1 ? ", and at " + (unknown - 1) + " others" : ""),
          "Give the address that was registered; free managed buffers instead");
    }
  }

  /** Refuses new use of ranges. {@return those that this call is to end} */
  private List<Region> close(List<Region> open) {
    List<Region> closed = new ArrayList<>(open.size());
    lock.writeLock().lock();
    try {
      for (Region region : open) {
        if (region.refuse()) {
          closed.add(region);
        }
      }
    } finally {
      lock.writeLock().unlock();
    }
    return closed;
  }

  private void drainAndForget(List<Region> closed) {
    ends.end(closed, grace);
  }

  private void forgotten(List<Region> gone) {
    gone.forEach(registered::remove);
  }

  // ---- managed memory

  /** Allocates registered memory that peers may read and write. */
  public MemorySegment allocate(long lengthBytes) {
    return allocate(lengthBytes, AccessRights.READ_WRITE);
  }

  /** Allocates registered memory. */
  public MemorySegment allocate(long lengthBytes, AccessRights rights) {
    return allocate(lengthBytes, ANYWHERE, rights);
  }

  /**
   * Allocates registered memory at a location. That of a device is a segment at its address that
   * has no length.
   */
  public MemorySegment allocate(long lengthBytes, String location, AccessRights rights) {
    Objects.requireNonNull(rights, "rights must not be null");
    requireTaken(location);
    MemoryPool pool = pools.of(MemoryKind.at(location));
    MemorySegment block = pool.allocate(lengthBytes, rights);
    try {
      users.awaitPublished();
      return block;
    } catch (Throwable t) {
      try {
        pool.free(block.address(), lengthBytes);
      } catch (Throwable kept) {
        t.addSuppressed(kept);
      }
      throw t;
    }
  }

  /** Takes a managed block back once nothing touches it. */
  public void free(long address, long lengthBytes) {
    MemoryPool pool = pools.at(address);
    lock.writeLock().lock();
    try {
      // Refuses an address that is not a block of ours, with its own error.
      pool.refuse(address, lengthBytes);
    } finally {
      lock.writeLock().unlock();
    }
    try {
      Region region = regions.find(address, lengthBytes);
      if (region != null && region.inFlight() > 0) {
        drainBlock(address, address + lengthBytes);
      }
    } catch (Throwable t) {
      pool.readmit(address, lengthBytes);
      throw t;
    }
    pool.free(address, lengthBytes);
  }

  private void drainBlock(long start, long end) {
    boolean interrupted = false;
    boolean idle = false;
    for (int attempt = 0; attempt < 2 && !idle; attempt++) {
      try {
        idle = users.drain(start, end, interrupted ? Duration.ZERO : grace);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (!idle) {
      throw new TransferException(
          ErrorCode.BATCH_BUSY,
          "The buffer at 0x%x is still in use".formatted(start),
          "Free it again later. This should not happen: please report it");
    }
  }

  @Override
  public Region register(
      MemorySource.Slab slab, MemorySource source, AccessRights rights, LiveBlocks live) {
    Region region = regions.register(slab, source, rights, live);
    List<Region> made = List.of(region);
    try {
      users.registered(made);
    } catch (Throwable t) {
      undo(made, t);
      throw t;
    }
    return region;
  }

  @Override
  public @Nullable Region leftOf(long address, LiveBlocks blocks) {
    Region there = regions.byAddress(address);
    return there != null && there.isPoolOf(blocks) ? there : null;
  }

  @Override
  public void unregister(Region region) {
    List<Region> closed = close(List.of(region));
    if (closed.isEmpty() && regions.byAddress(region.address()) == region) {
      // The caller gives the memory up next, although peers and devices may still reach it.
      throw new TransferException(
          ErrorCode.BATCH_BUSY,
          region + " is being unregistered by another thread",
          "Try again later; this should not happen, please report it");
    }
    drainAndForget(closed);
  }

  // ---- use

  /**
   * No region can be taken back from now on, until {@link #endUse}. Meanwhile the transfer that has
   * got a {@link #use} enters the table of active ones.
   */
  void beginUse() {
    lock.readLock().lock();
  }

  void endUse() {
    lock.readLock().unlock();
  }

  /**
   * Counts a use of each region of the blocks, which is given back by the result.
   *
   * @throws TransferException ADDRESS_NOT_REGISTERED for a block that is not wholly inside one
   *     registration or managed buffer
   */
  UsedRanges<Region> use(BlockColumns blocks) {
    // Most transfers lie in one registration.
    Region first = null;
    Set<Region> held = Set.of();
    try {
      int i = 0;
      while (i < blocks.count()) {
        long start = blocks.local(i);
        long length = blocks.length(i);
        Region region = regions.find(start, length);
        if (region == null) {
          throw TransferErrors.notRegistered(start, length);
        }
        long usableEnd = region.usableEnd(start);
        if (start + length > usableEnd) {
          throw TransferErrors.notRegistered(start, length);
        }
        i = blocks.firstOutside(i + 1, start, usableEnd);
        if (region == first || held.contains(region)) {
          continue;
        }
        if (first == null) {
          requireAcquired(region, start, length);
          first = region;
          continue;
        }
        if (held.isEmpty()) {
          held = new HashSet<>();
        }
        // In this order: without memory for the set's entry, the use must not be counted.
        held.add(region);
        try {
          requireAcquired(region, start, length);
        } catch (Throwable t) {
          held.remove(region);
          throw t;
        }
      }
      return first != null && held.isEmpty() ? first : several(first, held);
    } catch (Throwable t) {
      if (first != null) {
        first.release();
      }
      held.forEach(RELEASE);
      throw t;
    }
  }

  private static UsedRanges<Region> several(@Nullable Region first, Set<Region> others) {
    if (first == null) {
      return SeveralRegions.none();
    }
    List<Region> all = new ArrayList<>(others);
    all.add(first);
    return new SeveralRegions(all);
  }

  private static void requireAcquired(Region region, long start, long length) {
    if (!region.acquire()) {
      throw TransferErrors.notRegistered(start, length);
    }
  }

  /**
   * Runs an action of the processor on a range, which cannot be taken back meanwhile.
   *
   * @param action is given the region that the range lies in
   * @throws TransferException as {@link #use}; INVALID_ARGUMENT for device memory, which the
   *     processor cannot reach; MEMORY for a mapped range without memory behind it
   */
  @Override
  public <T> T access(long address, long length, Function<Region, T> action) {
    Region region = regions.acquireTouchable(address, length);
    if (region == null) {
      throw notAccessible(address, length);
    }
    try {
      return action.apply(region);
    } catch (InternalError lost) {
      throw new TransferException(
          ErrorCode.MEMORY,
          "The %d bytes at 0x%x are mapped, but reading or writing them failed (%s)"
              .formatted(length, address, lost.getMessage()),
          "Was the file behind them truncated, or is the file system or /dev/shm full?",
          lost);
    } finally {
      region.release();
    }
  }

  private TransferException notAccessible(long address, long length) {
    Region region = regions.find(address, length);
    return region == null || region.isTouchable()
        ? TransferErrors.notRegistered(address, length)
        : new TransferException(
            ErrorCode.INVALID_ARGUMENT,
            "The %d bytes at 0x%x are %s, which the processor cannot read or write"
                .formatted(length, address, region.kind()),
            "Copy them with the device's own library");
  }

  private Duration cutOffWait() {
    return closed ? Duration.ofNanos(Math.max(0, closeEndNanos - System.nanoTime())) : CUT_OFF_WAIT;
  }

  /**
   * Gives everything back within {@code timeout}. Transfers have been ended before; memory that is
   * still in use stays mapped. Idempotent.
   */
  public void close(Duration timeout) {
    closeEndNanos = System.nanoTime() + timeout.toNanos();
    grace = Duration.ZERO;
    closed = true;
    try {
      List<Region> callers = new ArrayList<>(regions.inOrder());
      callers.removeIf(region -> region.owner() == Region.Owner.POOL);
      drainAndForget(close(callers));
    } finally {
      // No list of failures: the heap may be full.
      try {
        pools.closeBy(closeEndNanos);
      } finally {
        try {
          bytes.close();
        } finally {
          devices.close();
        }
      }
    }
  }
}
