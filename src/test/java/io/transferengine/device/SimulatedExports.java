// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What {@link SimulatedDevices} show to network cards: where they are on the PCI bus, and dma-bufs
 * of their memory. Thread-safe.
 */
public abstract class SimulatedExports extends SimulatedContexts {
  private final List<String> addresses = new ArrayList<>();
  private final Map<Integer, long[]> exported = new HashMap<>();
  private final Set<Long> synchronous = new HashSet<>();
  private final List<Late> late = new ArrayList<>();
  private boolean exports = true;
  private boolean ordered = true;
  private boolean flushes = true;
  private int nextDescriptor = 1_000_000;

  /** What a network card has written, and the device does not see yet. */
  private record Late(int device, MemorySegment to, MemorySegment bytes) {}

  SimulatedExports(int count) {
    super(count);
  }

  abstract SimulatedMemory.@Nullable Piece owner(long address);

  // ---- for tests

  /** From now on the driver exports dma-bufs, or does not. */
  public final synchronized void exports(boolean dmaBufs) {
    exports = dmaBufs;
  }

  /** Puts devices, in their order, at PCI addresses such as {@code 0000:17:00.0}. */
  public final synchronized void at(String... pciAddresses) {
    addresses.clear();
    addresses.addAll(List.of(pciAddresses));
  }

  /** {@return whether a descriptor is open, of a dma-buf that has such a range} */
  public final synchronized boolean isExported(int descriptor, long offset, long bytes) {
    long[] range = exported.get(descriptor);
    return range != null && offset >= 0 && bytes <= range[1] - offset;
  }

  /** {@return how many descriptors are open} */
  public final synchronized int openDmaBufs() {
    return exported.size();
  }

  /** {@return whether synchronous copies to and from an allocation are so in fact} */
  public final synchronized boolean isSynchronous(long base) {
    return synchronous.contains(base);
  }

  /** {@return bytes of a device's memory, without a copy; null for addresses of the host} */
  public final synchronized @Nullable MemorySegment contents(long address, long bytes) {
    SimulatedMemory.Piece memory = owner(address);
    return memory == null ? null : memory.contents.asSlice(address - memory.base, bytes);
  }

  /**
   * From now on devices see what network cards write only when the driver is asked to wait for it.
   *
   * @param flush whether the driver can
   */
  public final synchronized void seesWritesLate(boolean flush) {
    ordered = false;
    flushes = flush;
  }

  /**
   * {@return where a network card writes bytes for a device's memory; null for addresses of the
   * host}
   */
  public final synchronized @Nullable MemorySegment arriving(long address, long bytes) {
    MemorySegment contents = contents(address, bytes);
    SimulatedMemory.Piece memory = owner(address);
    if (contents == null || memory == null || ordered) {
      return contents;
    }
    MemorySegment arriving = Arena.ofAuto().allocate(bytes);
    late.add(new Late(memory.device, contents, arriving));
    return arriving;
  }

  // ---- calls

  @Override
  public final boolean hasFlush() {
    return true;
  }

  @Override
  public final synchronized void flushWrites() {
    int device = enterIn("cuFlushGPUDirectRDMAWrites");
    for (Late each : late) {
      if (each.device == device) {
        each.to.copyFrom(each.bytes);
      }
    }
    late.removeIf(each -> each.device == device);
  }

  @Override
  public final int version() {
    var _ = enter("cuDriverGetVersion");
    return 13_000;
  }

  @Override
  public final synchronized int attribute(int attribute, int device) {
    var _ = enter("cuDeviceGetAttribute");
    String at =
        device < addresses.size() ? addresses.get(device) : "0000:%02x:00.0".formatted(device + 1);
    return switch (attribute) {
      case 33 -> Integer.parseInt(at.substring(5, 7), 16);
      case 34 -> Integer.parseInt(at.substring(8, 10), 16);
      case 50 -> Integer.parseInt(at.substring(0, 4), 16);
      case 117 -> flushes ? 1 : 0;
      case 118 -> ordered ? 100 : 0;
      case 124 -> exports ? 1 : 0;
      default -> 1;
    };
  }

  @Override
  public final synchronized void synchronizeCopies(long address) {
    var _ = enterIn("cuPointerSetAttribute");
    SimulatedMemory.Piece memory = owner(address);
    if (memory == null) {
      throw failure("cuPointerSetAttribute", Cuda.CUDA_ERROR_INVALID_VALUE());
    }
    synchronous.add(memory.base);
  }

  @Override
  public final boolean hasDmaBufs() {
    return true;
  }

  /** Its descriptors are none of the system's: who gives one to a system call gets EBADF. */
  @Override
  public final synchronized int exportDmaBuf(long address, long bytes) {
    var _ = enterIn("cuMemGetHandleForAddressRange");
    SimulatedMemory.Piece memory = owner(address);
    if (memory == null
        || address % SimulatedMemory.PAGE != 0
        || bytes % SimulatedMemory.PAGE != 0
        || address - memory.base + bytes > SimulatedMemory.pages(memory.bytes)) {
      throw failure("cuMemGetHandleForAddressRange", Cuda.CUDA_ERROR_INVALID_VALUE());
    }
    exported.put(nextDescriptor, new long[] {address, bytes});
    return nextDescriptor++;
  }

  @Override
  public final synchronized void closeDmaBuf(int descriptor) {
    if (exported.remove(descriptor) == null) {
      throw new AssertionError("no dma-buf " + descriptor);
    }
  }
}
