// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.memory.Region;
import io.transferengine.memory.SortedAddresses;
import io.transferengine.metadata.BufferDescriptor;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.verbs.MemoryRegion;
import io.transferengine.verbs.NumaNodes;
import io.transferengine.verbs.VerbsException;
import io.transferengine.verbs.VerbsLibrary;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Our memory at the devices: each registered range is a memory region, or several where it is
 * larger than a device takes, on every device (protocol section 9.3).
 *
 * <p>Thread-safe. Changes are made one after the other; look-ups read an immutable snapshot.
 */
final class Registrations {
  private static final Logger log = LoggerFactory.getLogger(Registrations.class);

  /** Below it, starting threads costs more than registering on one device after the other. */
  private static final long PARALLEL_MIN_BYTES = 64L << 20;

  private static final int ENOMEM = 12;

  private final List<RdmaNic> nics;
  private final VerbsLibrary library;
  private final RdmaSettings settings;
  private final Map<Region, List<Chunk>> byRegion = new HashMap<>();
  private final AtomicLong version = new AtomicLong();
  private volatile Snapshot snapshot = Snapshot.EMPTY;

  /** A range of at most the devices' limit, and its memory region at each device. */
  private record Chunk(long address, long length, String location, List<MemoryRegion> regions) {}

  /** All chunks, sorted by address. */
  static final class Snapshot {
    static final Snapshot EMPTY = new Snapshot(List.of(), List.of());

    private final long[] starts;
    private final long[] ends;
    private final int[][] localKeys;
    private final List<String> locations;

    private Snapshot(List<Chunk> sorted, List<String> locations) {
      int size = sorted.size();
      this.locations = locations;
      starts = new long[size];
      ends = new long[size];
      localKeys = new int[size][];
      for (int i = 0; i < size; i++) {
        Chunk chunk = sorted.get(i);
        starts[i] = chunk.address;
        ends[i] = chunk.address + chunk.length;
        localKeys[i] = chunk.regions.stream().mapToInt(MemoryRegion::localKey).toArray();
      }
    }

    /** {@return the index of the chunk that {@code address} lies in, or -1} */
    int find(long address) {
      int index = SortedAddresses.floorIndex(starts, address);
      return index >= 0 && address < ends[index] ? index : -1;
    }

    long start(int index) {
      return starts[index];
    }

    long end(int index) {
      return ends[index];
    }

    /** {@return where the memory at an address is; the wildcard when it is not registered} */
    String locationOf(long address) {
      int index = find(address);
      return index < 0 ? "*" : locations.get(index);
    }

    int localKey(int index, int nic) {
      return localKeys[index][nic];
    }
  }

  Registrations(List<RdmaNic> nics, VerbsLibrary library, RdmaSettings settings) {
    this.nics = nics;
    this.library = library;
    this.settings = settings;
  }

  Snapshot snapshot() {
    return snapshot;
  }

  long version() {
    return version.get();
  }

  /**
   * Registers a range on every device, or on none.
   *
   * @throws TransferException CONTEXT with the remedy when a device refuses
   */
  void register(Region region) {
    List<Chunk> chunks = new ArrayList<>();
    String location = location(region);
    try {
      long chunkMax = chunkMaxBytes();
      for (long offset = 0; offset < region.length(); offset += chunkMax) {
        long length = Math.min(chunkMax, region.length() - offset);
        long address = region.address() + offset;
        chunks.add(new Chunk(address, length, location, onAll(address, length)));
      }
    } catch (Throwable t) {
      chunks.forEach(Registrations::release);
      throw t;
    }
    synchronized (this) {
      byRegion.put(region, List.copyOf(chunks));
      publish();
    }
  }

  private long chunkMaxBytes() {
    long most = settings.memoryRegionMaxBytes();
    for (RdmaNic nic : nics) {
      long limit = nic.device().maxMemoryRegionBytes();
      // Unsigned: rxe and others say 2^64-1.
      if (limit > 0) {
        most = Math.min(most, limit);
      }
    }
    return most;
  }

  private List<MemoryRegion> onAll(long address, long length) {
    boolean parallel =
        nics.size() > 1
            && (settings.parallelRegistration() == 1
                || (settings.parallelRegistration() < 0 && length >= PARALLEL_MIN_BYTES));
    MemoryRegion[] made = new MemoryRegion[nics.size()];
    try {
      if (parallel) {
        onAllAtOnce(address, length, made);
      } else {
        for (int i = 0; i < made.length; i++) {
          made[i] = on(nics.get(i), address, length);
        }
      }
      return List.of(made);
    } catch (Throwable t) {
      for (MemoryRegion region : made) {
        if (region != null) {
          release(region);
        }
      }
      throw t;
    }
  }

  /** Platform threads: the call pins pages in the kernel, for milliseconds a gigabyte. */
  private void onAllAtOnce(long address, long length, MemoryRegion[] made) {
    RuntimeException[] failures = new RuntimeException[made.length];
    Thread[] threads = new Thread[made.length];
    for (int i = 0; i < made.length; i++) {
      int nic = i;
      threads[i] =
          Thread.ofPlatform()
              .daemon()
              .name("te-rdma-register-" + nics.get(i).name())
              .start(
                  () -> {
                    try {
                      made[nic] = on(nics.get(nic), address, length);
                    } catch (RuntimeException e) {
                      failures[nic] = e;
                    }
                  });
    }
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    for (RuntimeException failure : failures) {
      if (failure != null) {
        throw failure;
      }
    }
  }

  private MemoryRegion on(RdmaNic nic, long address, long length) {
    try {
      return nic.protectionDomain().register(address, length, settings.memoryAccess());
    } catch (VerbsException e) {
      throw TransferException.withDevice(
          nic.name(),
          ErrorCode.CONTEXT,
          "%d bytes at 0x%x cannot be registered: %s".formatted(length, address, e.getMessage()),
          e.errno() == ENOMEM
              ? "The limit of locked memory may be reached: ulimit -l unlimited, or LimitMEMLOCK="
                  + " of the service; ./te doctor shows it"
              : "./te doctor shows what the device can do",
          e);
    }
  }

  /** Where memory really is, as readers of the descriptor expect it (protocol section 4.1). */
  private String location(Region region) {
    if (!region.location().equals("*")) {
      return region.location();
    }
    return "cpu:" + Math.max(0, NumaNodes.nodeOf(library, region.address()));
  }

  /** Takes a range from all devices. Idempotent. */
  void unregister(Region region) {
    List<Chunk> chunks;
    synchronized (this) {
      chunks = byRegion.remove(region);
      if (chunks != null) {
        publish();
      }
    }
    if (chunks != null) {
      chunks.forEach(Registrations::release);
    }
  }

  private void publish() {
    List<Chunk> all = new ArrayList<>();
    byRegion.values().forEach(all::addAll);
    all.sort(Comparator.comparingLong(Chunk::address));
    snapshot = new Snapshot(all, all.stream().map(Chunk::location).toList());
    version.incrementAndGet();
  }

  private static void release(Chunk chunk) {
    chunk.regions.forEach(Registrations::release);
  }

  private static void release(MemoryRegion region) {
    try {
      region.close();
    } catch (VerbsException e) {
      // Nothing can be done with a region that the device does not give back.
      log.warn("A memory region stays registered: {}", e.getMessage());
    }
  }

  /** {@return the ranges as peers are told of them, with keys for the devices {@code shown}} */
  synchronized List<BufferDescriptor> describe(List<Region> regions, List<RdmaNic> shown) {
    List<BufferDescriptor> buffers = new ArrayList<>();
    for (Region region : regions) {
      for (Chunk chunk : byRegion.getOrDefault(region, List.of())) {
        List<Long> remoteKeys = new ArrayList<>();
        List<Long> localKeys = new ArrayList<>();
        for (RdmaNic nic : shown) {
          MemoryRegion memory = chunk.regions.get(nic.index());
          remoteKeys.add(Integer.toUnsignedLong(memory.remoteKey()));
          localKeys.add(Integer.toUnsignedLong(memory.localKey()));
        }
        buffers.add(
            new BufferDescriptor(
                chunk.location, chunk.address, chunk.length, remoteKeys, localKeys));
      }
    }
    return buffers;
  }

  /** Takes everything from all devices. */
  void close() {
    List<Region> left;
    synchronized (this) {
      left = List.copyOf(byRegion.keySet());
    }
    left.forEach(this::unregister);
  }
}
