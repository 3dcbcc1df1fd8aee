// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.device.SharedAllocation;
import io.transferengine.memory.LiveBlocks;
import io.transferengine.memory.Region;
import io.transferengine.os.NativeCallException;
import io.transferengine.os.Processes;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The registrations that peers on this machine may copy from and to, and how that ends: ADR 39.
 * Thread-safe.
 */
final class Fences {
  /** How long memory that is taken back waits for a peer that is in the middle of a copy. */
  static final Duration WAIT = Duration.ofSeconds(5);

  /** How often slots are looked at; a copy takes less than a millisecond. */
  private static final long LOOK_NANOS = 50_000;

  /** How often it is found out whether a peer that does not go on has ended, or is stopped. */
  private static final long PROCESS_LOOK_NANOS = 10_000_000;

  /** A registration's number, and since when it is refused. */
  private static final class Fence {
    final long number;

    /** What of it is handed out, if it is a pool. */
    final @Nullable BlockTable table;

    /** Which handle it has, if it is memory of a device; else -1. */
    final int handle;

    /** The gate that was closed after it; what has passed that or an older one is waited for. */
    long closedGate = -1;

    /** It was waited for in vain together with others, and each is tried by itself now. */
    boolean hasWaited;

    Fence(long number, @Nullable BlockTable table, int handle) {
      this.number = number;
      this.table = table;
      this.handle = handle;
    }

    /** The area goes. */
    void end() {
      if (table != null) {
        table.blocks().showTo(null);
        table.end();
      }
    }
  }

  private final Area area;
  private final Leases leases;
  private final Processes processes;
  private final Duration wait;
  private final Function<Region, @Nullable SharedAllocation> shared;

  // Guarded by this.
  private final Map<Region, Fence> fences = new HashMap<>();
  private final BitSet used = new BitSet();
  private final BitSet usedHandles = new BitSet();
  private final BlockTables tables;
  private final SplittableRandom random = new SplittableRandom();
  private long version;
  private boolean ended;

  /** Nobody copies any more, and the area is gone. */
  private boolean gone;

  /**
   * With nothing registered.
   *
   * @param wait how long memory that is taken back waits for a peer that is in the middle of a copy
   */
  Fences(Area area, Leases leases, Processes processes, Duration wait) {
    this(area, leases, processes, wait, region -> null);
  }

  /**
   * With nothing registered.
   *
   * @param wait how long memory that is taken back waits for a peer that is in the middle of a copy
   * @param shared by which peers open memory of a device; without that it is not theirs to copy
   */
  Fences(
      Area area,
      Leases leases,
      Processes processes,
      Duration wait,
      Function<Region, @Nullable SharedAllocation> shared) {
    this.shared = shared;
    this.area = area;
    this.leases = leases;
    this.processes = processes;
    this.wait = wait;
    this.tables = new BlockTables(area, leases, processes);
  }

  /** {@return a number that changes with the registrations} */
  synchronized long version() {
    return version;
  }

  /** {@return the number of a registration; 0 if it has none} */
  synchronized long of(Region region) {
    Fence fence = fences.get(region);
    return fence == null ? 0 : fence.number;
  }

  /** Lets peers copy from and to regions: all, or none when this throws. */
  synchronized void admit(List<Region> regions) {
    List<Region> done = new ArrayList<>(regions.size());
    int written = 0;
    BlockTable taken = null;
    try {
      for (Region region : regions) {
        int index = used.nextClearBit(0);
        int handle = region.isTouchable() ? -1 : usedHandles.nextClearBit(0);
        boolean hasWay =
            region.isTouchable() || (handle < AreaLayout.HANDLES && shared.apply(region) != null);
        if (ended || index >= AreaLayout.ENTRIES || !hasWay) {
          continue; // It is reached over another transport.
        }
        // Never 0, and not a number that the entry has had before.
        long number = ((random.nextLong() | 1L << 63) & -AreaLayout.ENTRIES) | index;
        LiveBlocks blocks = region.blocks();
        BlockTable table = blocks == null ? null : tables.take(blocks);
        if (blocks != null && table == null) {
          continue;
        }
        taken = table;
        Fence fence = new Fence(number, table, handle);
        done.add(region);
        used.set(index);
        if (handle >= 0) {
          usedHandles.set(handle);
        }
        fences.put(region, fence);
        taken = null;
      }
      for (Region region : done) {
        write(region);
        written++;
      }
    } catch (Throwable t) {
      // No peer has heard of them. Takes no memory.
      if (taken != null) {
        giveBack(taken);
      }
      for (int i = 0; i < done.size(); i++) {
        if (i < written) {
          area.refuse(of(done.get(i)));
        }
        forget(done.get(i));
      }
      throw t;
    }
    version++;
  }

  private void write(Region region) {
    Fence fence = fences.get(region);
    SharedAllocation allocation = fence == null || fence.handle < 0 ? null : shared.apply(region);
    if (fence != null && allocation != null) {
      area.admitShared(fence.number, region, fence.handle, allocation);
      return;
    }
    if (fence == null || fence.table == null) {
      area.admit(of(region), region);
      return;
    }
    LiveBlocks blocks = fence.table.blocks();
    blocks.showTo(fence.table);
    area.admitPool(fence.number, region, fence.table.offsetInTables(), blocks.placeShift());
  }

  private void forget(Region region) {
    Fence fence = fences.remove(region);
    if (fence != null) {
      used.clear(AreaLayout.index(fence.number));
      if (fence.handle >= 0) {
        area.clearHandle(fence.handle);
        usedHandles.clear(fence.handle);
      }
      if (fence.table != null) {
        giveBack(fence.table);
      }
    }
  }

  private void giveBack(BlockTable table) {
    table.blocks().showTo(null);
    tables.give(table);
  }

  /**
   * Ends that: when it returns, no peer copies from or to them any more. If it fails for several,
   * whoever wants to know which of them are free calls it for each; that does not wait again.
   *
   * @throws TransferException if one still may; to be called again then
   */
  void refuse(List<Region> regions) {
    long gate;
    Duration limit;
    boolean opened;
    synchronized (this) {
      if (gone) {
        return;
      }
      opened = haveHandles(regions);
      gate = close(regions);
      limit = hasWaited(regions) ? Duration.ZERO : wait;
    }
    try {
      if (gate >= 0) {
        await(gate, limit, opened);
      }
    } catch (TransferException inUse) {
      noteWaited(regions, regions.size() > 1);
      throw inUse;
    } catch (IllegalStateException areaIsGone) {
      throwUnlessGone(areaIsGone);
    }
    synchronized (this) {
      regions.forEach(this::forget);
    }
  }

  /** {@return whether peers may have some of them open} */
  private boolean haveHandles(List<Region> regions) {
    for (Region region : regions) {
      Fence fence = fences.get(region);
      if (fence != null && fence.handle >= 0) {
        return true;
      }
    }
    return false;
  }

  /** {@return whether it is one that was waited for just now} */
  private boolean hasWaited(List<Region> regions) {
    Fence only = regions.size() == 1 ? fences.get(regions.getFirst()) : null;
    return only != null && only.hasWaited;
  }

  private synchronized void noteWaited(List<Region> regions, boolean value) {
    for (Region region : regions) {
      Fence fence = fences.get(region);
      if (fence != null) {
        fence.hasWaited = value;
      }
    }
  }

  /** The engine's end has waited for all copies, and given the area back while we were waiting. */
  private synchronized void throwUnlessGone(IllegalStateException thrown) {
    if (!gone) {
      throw thrown;
    }
  }

  /** {@return the youngest gate that a copy from or to them may have passed; -1 for none} */
  private long close(List<Region> regions) {
    long youngest = -1;
    List<Fence> open = new ArrayList<>();
    for (Region region : regions) {
      Fence fence = fences.get(region);
      if (fence == null) {
        continue;
      }
      if (fence.closedGate < 0) {
        area.refuse(fence.number);
        open.add(fence);
      }
      youngest = Math.max(youngest, fence.closedGate);
    }
    if (open.isEmpty() && youngest < 0) {
      return -1;
    }
    try {
      area.closeOld();
      if (!open.isEmpty() && !ended) {
        youngest = area.openGate();
        area.next();
        for (Fence fence : open) {
          fence.closedGate = youngest;
        }
        version++;
      }
      return ended ? area.openGate() : youngest;
    } catch (NativeCallException e) {
      throw new TransferException(
          ErrorCode.MEMORY,
          "The way of peers on this machine to the memory could not be closed: " + e.getMessage(),
          "Unregister it again; raise vm.max_map_count if it is reached",
          e);
    }
  }

  /** Waits until no copy is under way that has passed a gate or an older one. */
  private void await(long gate, Duration limit, boolean opened) {
    boolean interrupted = false;
    long end = System.nanoTime() + limit.toNanos();
    try {
      for (Leases.Lease lease : leases.all()) {
        long nextLook = System.nanoTime() + PROCESS_LOOK_NANOS;
        Area.Passed passed = area.passed(lease.index(), gate, opened);
        while (passed != Area.Passed.NOTHING) {
          interrupted |= Thread.interrupted();
          LockSupport.parkNanos(LOOK_NANOS);
          long now = System.nanoTime();
          if (now - nextLook >= 0) {
            if (isOut(lease, passed)) {
              break;
            }
            nextLook = now + PROCESS_LOOK_NANOS;
          }
          if (now - end >= 0) {
            throw stillCopies(lease, limit.isZero() ? wait : limit);
          }
          passed = area.passed(lease.index(), gate, opened);
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** No thread of it is inside of a call that began before now: it has ended, or is stopped. */
  private boolean isOut(Leases.Lease lease, Area.Passed passed) {
    if (processes.hasEnded(lease.pid(), lease.start())) {
      leases.end(lease);
      return true;
    }
    // Its own threads would go on in the middle of a copy.
    return passed == Area.Passed.CALLS && processes.isStopped(lease.pid());
  }

  private static TransferException stillCopies(Leases.Lease lease, Duration limit) {
    return new TransferException(
        ErrorCode.BATCH_BUSY,
        "Process %d on this machine has been copying from or to the memory, or has it open, for %d s"
            .formatted(lease.pid(), limit.toSeconds()),
        "Unregister it again later. Is that process frozen, in a long pause of its JVM, or does it"
            + " wait for memory of its own that is swapped out?");
  }

  /**
   * Ends all: nobody copies any more when it returns. Idempotent.
   *
   * @param givesBack whether the area goes, too. That tells peers that we do not use our leases any
   *     more, which they give to others
   * @throws TransferException if somebody still may; then the area has to stay
   */
  void end(Duration limit, boolean givesBack) {
    long gate;
    synchronized (this) {
      if (gone) {
        return;
      }
      if (!ended) {
        fences.values().forEach(fence -> area.refuse(fence.number));
        area.closeAll();
        ended = true;
      }
      gate = area.openGate();
    }
    await(gate, limit, true);
    tables.end();
    synchronized (this) {
      if (!gone && givesBack) {
        gone = true;
        fences.values().forEach(Fence::end);
        fences.clear();
        area.unmap();
      }
    }
  }
}
