// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.logging.Anyway;
import io.transferengine.logging.Failures;
import io.transferengine.memory.RangeIndex;
import io.transferengine.memory.Region;
import io.transferengine.os.NativeCallException;
import io.transferengine.os.NumaNodes;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.verbs.MemoryRegion;
import io.transferengine.verbs.VerbsLibrary;
import io.transferengine.wire.BufferDescriptor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Our memory at the devices. Each registered range is a memory region on every device, or several
 * if it is larger than a device takes (protocol section 9.3).
 *
 * <p>Thread-safe. Changes are made one after the other. Look-ups read an immutable snapshot.
 */
final class Registrations {
  private static final Logger log = LoggerFactory.getLogger(Registrations.class);

  /**
   * For less memory, starting threads costs more than registering on one device after the other.
   */
  private static final long PARALLEL_MIN_BYTES = 64L << 20;

  private static final int ENOMEM = 12;

  private final List<RdmaDevice> devices;
  private final VerbsLibrary library;
  private final RdmaSettings settings;
  private final DeviceMemory deviceMemory;
  private final Map<Region, List<Chunk>> byRegion = new HashMap<>();

  /** Chunks that are in no table any more, but may still be registered on a device. */
  private final Map<Region, List<Chunk>> kept = new HashMap<>();

  private boolean closed;
  private final AtomicLong version = new AtomicLong();
  private volatile Snapshot snapshot = Snapshot.EMPTY;

  /** A range of at most the devices' limit, and its memory region at each device. */
  private static final class Chunk implements RangeIndex.Ranged {
    final long address;
    final long end;
    final String location;
    final List<MemoryRegion> regions;
    final int[] localKeys;

    Chunk(long address, long length, String location, List<MemoryRegion> regions) {
      this.address = address;
      this.end = address + length;
      this.location = location;
      this.regions = regions;
      this.localKeys = regions.stream().mapToInt(MemoryRegion::localKey).toArray();
    }

    @Override
    public long address() {
      return address;
    }

    @Override
    public long end() {
      return end;
    }
  }

  /** All chunks. */
  static final class Snapshot {
    static final Snapshot EMPTY = new Snapshot(RangeIndex.empty());

    private final RangeIndex<Chunk> chunks;

    private Snapshot(RangeIndex<Chunk> chunks) {
      this.chunks = chunks;
    }

    private Snapshot with(List<Chunk> added) {
      return new Snapshot(chunks.with(added, Registrations::overlap));
    }

    private Snapshot without(List<Chunk> gone) {
      return new Snapshot(chunks.without(gone));
    }

    /** {@return the index of the chunk that contains {@code address}, or -1} */
    int find(long address) {
      return chunks.find(address);
    }

    int size() {
      return chunks.size();
    }

    long start(int index) {
      return chunks.start(index);
    }

    long end(int index) {
      return chunks.end(index);
    }

    /** {@return the location of the memory at an address; the wildcard if it is not registered} */
    String locationOf(long address) {
      int index = find(address);
      return index < 0 ? "*" : chunks.get(index).location;
    }

    int localKey(int index, int nic) {
      return chunks.get(index).localKeys[nic];
    }
  }

  Registrations(
      List<RdmaDevice> devices,
      VerbsLibrary library,
      RdmaSettings settings,
      DeviceMemory deviceMemory) {
    this.devices = devices;
    this.library = library;
    this.settings = settings;
    this.deviceMemory = deviceMemory;
  }

  /** This cannot happen: a chunk is a part of a region, and regions do not overlap. */
  private static RuntimeException overlap(Chunk one, Chunk two) {
    return new IllegalStateException(
        "Chunks at 0x%x and 0x%x overlap".formatted(one.address, two.address));
  }

  Snapshot snapshot() {
    return snapshot;
  }

  long version() {
    return version.get();
  }

  /**
   * Registers ranges on every device, either all of them or none.
   *
   * @throws TransferException CONTEXT with the remedy if a device refuses
   */
  void registerAll(List<Region> added) {
    List<Chunk> made = new ArrayList<>();
    Map<Region, List<Chunk>> byAdded = new HashMap<>();
    try {
      for (Region region : added) {
        int first = made.size();
        registerChunks(region, made);
        byAdded.put(region, List.copyOf(made.subList(first, made.size())));
      }
      synchronized (this) {
        requireOpen(null);
        Snapshot next = snapshot.with(made);
        byRegion.putAll(byAdded);
        // Last of what can fail: it is all of them, or none.
        deviceMemory.arrivals().began(added);
        publish(next);
      }
    } catch (Throwable t) {
      synchronized (this) {
        added.forEach(byRegion::remove);
      }
      made.forEach(chunk -> chunk.regions.forEach(Registrations::quietly));
      requireOpen(t);
      throw t;
    }
  }

  /** If the transport was closed meanwhile, a device's error is not the caller's fault. */
  private synchronized void requireOpen(@Nullable Throwable cause) {
    if (closed && !(cause instanceof Error)) {
      TransferException notRunning =
          new TransferException(ErrorCode.CLOSED, "The RDMA transport is not running", "");
      if (cause != null && !(cause instanceof TransferException)) {
        notRunning.addSuppressed(cause);
      }
      throw notRunning;
    }
  }

  private void registerChunks(Region region, List<Chunk> made) {
    String location = location(region);
    long chunkMax = chunkMaxBytes();
    int access = settings.memoryAccess(region.rights());
    try (DeviceMemory.Way way = deviceMemory.open(region)) {
      for (long offset = 0; offset < region.length(); offset += chunkMax) {
        long length = Math.min(chunkMax, region.length() - offset);
        long address = region.address() + offset;
        List<MemoryRegion> onAll = onAll(way, address, length, access);
        try {
          made.add(new Chunk(address, length, location, onAll));
        } catch (Throwable t) {
          onAll.forEach(Registrations::quietly);
          throw t;
        }
      }
      way.registered();
    }
  }

  private long chunkMaxBytes() {
    long most = settings.memoryRegionMaxBytes();
    for (RdmaDevice device : devices) {
      long limit = device.attributes().maxMemoryRegionBytes();
      // Unsigned: rxe and others report 2^64-1.
      if (limit > 0) {
        most = Math.min(most, limit);
      }
    }
    return most;
  }

  private List<MemoryRegion> onAll(DeviceMemory.Way way, long address, long length, int access) {
    boolean parallel =
        devices.size() > 1
            && (settings.parallelRegistration() == 1
                || (settings.parallelRegistration() < 0 && length >= PARALLEL_MIN_BYTES));
    MemoryRegion[] made = new MemoryRegion[devices.size()];
    try {
      if (parallel) {
        onAllAtOnce(way, address, length, access, made);
      } else {
        for (int i = 0; i < made.length; i++) {
          made[i] = on(way, devices.get(i), address, length, access);
        }
      }
      return List.of(made);
    } catch (Throwable t) {
      for (MemoryRegion region : made) {
        if (region != null) {
          quietly(region);
        }
      }
      throw t;
    }
  }

  /**
   * Uses platform threads, because the call pins pages in the kernel, which takes milliseconds for
   * each gigabyte.
   */
  private void onAllAtOnce(
      DeviceMemory.Way way, long address, long length, int access, MemoryRegion[] made) {
    Throwable[] failures = new Throwable[made.length];
    List<Thread> threads = new ArrayList<>();
    try {
      for (int i = 0; i < made.length; i++) {
        int nic = i;
        threads.add(
            Thread.ofPlatform()
                .daemon()
                .name("te-rdma-register-" + devices.get(i).name())
                .start(() -> registerOne(way, nic, address, length, access, made, failures)));
      }
    } finally {
      // Also if one cannot be started: no thread may register a range that was given up.
      joinAll(threads);
    }
    Failures all = new Failures();
    Stream.of(failures).filter(Objects::nonNull).forEach(all::add);
    all.throwIfAny();
  }

  private void registerOne(
      DeviceMemory.Way way,
      int nic,
      long address,
      long length,
      int access,
      MemoryRegion[] made,
      Throwable[] failures) {
    try {
      made[nic] = on(way, devices.get(nic), address, length, access);
    } catch (Throwable t) {
      failures[nic] = t;
    }
  }

  private static void joinAll(List<Thread> threads) {
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
  }

  private static MemoryRegion on(
      DeviceMemory.Way way, RdmaDevice device, long address, long length, int access) {
    try {
      return way.register(device, address, length, access);
    } catch (NativeCallException e) {
      throw TransferException.withDevice(
          device.name(),
          ErrorCode.CONTEXT,
          "%d bytes at 0x%x cannot be registered: %s".formatted(length, address, e.getMessage()),
          e.errno() == ENOMEM
              ? "The limit of locked memory may be reached: ulimit -l unlimited, or LimitMEMLOCK="
                  + " of the service; ./te doctor shows it"
              : "./te doctor shows what the device can do",
          e);
    }
  }

  /**
   * The actual location of memory, in the form that the descriptor needs (protocol section 4.1).
   */
  private String location(Region region) {
    if (!region.location().equals("*")) {
      return region.location();
    }
    return "cpu:" + Math.max(0, NumaNodes.nodeOf(library, region.address()));
  }

  /**
   * Unregisters ranges on all devices. If one device fails to, the others do so all the same. A
   * range that a device kept is tried again when this is called again, and when everything is
   * closed. Idempotent.
   *
   * @throws TransferException if a device that still works kept a range
   */
  void unregisterAll(List<Region> gone) {
    Map<Region, List<Chunk>> ending = new LinkedHashMap<>();
    synchronized (this) {
      List<Chunk> found = new ArrayList<>();
      for (Region region : new LinkedHashSet<>(gone)) {
        List<Chunk> present = byRegion.get(region);
        List<Chunk> left = present == null ? kept.get(region) : present;
        if (left != null) {
          ending.put(region, left);
        }
        if (present != null) {
          found.addAll(present);
        }
      }
      if (!found.isEmpty()) {
        Snapshot next = snapshot.without(found);
        // In this table until they are gone, so that they are not forgotten if something fails.
        kept.putAll(ending);
        ending.keySet().forEach(byRegion::remove);
        publish(next);
      }
    }
    Failures failures = new Failures();
    for (Map.Entry<Region, List<Chunk>> each : ending.entrySet()) {
      Throwable refused = closeAll(each.getValue());
      if (refused == null) {
        synchronized (this) {
          if (kept.remove(each.getKey()) != null) {
            deviceMemory.arrivals().ended(each.getKey());
          }
        }
      } else {
        failures.add(refused);
      }
    }
    failures.throwIfAny();
  }

  /** Tries all devices. Returns the first failure of a device that still works, if there is one. */
  private @Nullable Throwable closeAll(List<Chunk> chunks) {
    Throwable failure = null;
    for (Chunk chunk : chunks) {
      for (RdmaDevice device : devices) {
        try {
          chunk.regions.get(device.index()).close();
        } catch (NativeCallException e) {
          log.debug("{}: a memory region stays registered: {}", device, e.getMessage());
          if (failure == null && !device.isFailed()) {
            failure = keptRegistered(device, chunk, e);
          }
        } catch (Throwable t) {
          failure = failure == null ? t : failure;
        }
      }
    }
    return failure;
  }

  private static TransferException keptRegistered(
      RdmaDevice device, Chunk chunk, NativeCallException e) {
    return TransferException.withDevice(
        device.name(),
        ErrorCode.CONTEXT,
        "peers may still reach the memory from 0x%x to 0x%x: %s"
            .formatted(chunk.address, chunk.end, e.getMessage()),
        "Keep the memory mapped, and unregister it again later; closing the engine does so too",
        e);
  }

  /** Replaces the table for look-ups and counts the change. Needs the lock. */
  private void publish(Snapshot next) {
    snapshot = next;
    version.incrementAndGet();
  }

  /** For regions that are given up: the protection domain tries once more when it is closed. */
  private static void quietly(MemoryRegion region) {
    RdmaDevice.quietly("A memory region stays registered", region::close);
  }

  /** {@return the ranges as our descriptor has them, with keys for the devices {@code shown}} */
  synchronized List<BufferDescriptor> describe(List<Region> regions, List<RdmaDevice> shown) {
    List<BufferDescriptor> buffers = new ArrayList<>();
    for (Region region : regions) {
      for (Chunk chunk : byRegion.getOrDefault(region, List.of())) {
        List<Long> remoteKeys = new ArrayList<>();
        List<Long> localKeys = new ArrayList<>();
        for (RdmaDevice device : shown) {
          MemoryRegion memory = chunk.regions.get(device.index());
          remoteKeys.add(Integer.toUnsignedLong(memory.remoteKey()));
          localKeys.add(Integer.toUnsignedLong(memory.localKey()));
        }
        buffers.add(
            new BufferDescriptor(
                    chunk.location, chunk.address, chunk.end - chunk.address, remoteKeys, localKeys)
                .withRights(region.rights()));
      }
    }
    return buffers;
  }

  /** Unregisters everything on all devices. */
  void close() {
    List<Region> left;
    synchronized (this) {
      closed = true;
      left = new ArrayList<>(byRegion.keySet());
      left.addAll(kept.keySet());
    }
    try {
      unregisterAll(left);
    } catch (TransferException e) {
      log.error("Memory stays registered: {}", e.getMessage());
    } catch (Throwable t) {
      Anyway.failed(log, "Taking memory from the devices", t);
    }
  }
}
