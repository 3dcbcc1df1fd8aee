// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.os.NativeCallException;
import io.transferengine.os.Platform;
import io.transferengine.os.SharedMemory;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of this process outside of the Java heap. On Linux each slab is a sealed memfd, which
 * other processes of our user can map ({@link SharedMemory}); where the system gives none, it is an
 * arena of its own.
 */
public final class OffHeapSource implements MemorySource {
  /**
   * Where a slab begins: at a multiple of the largest base page that Linux uses on x86-64 (4 KiB)
   * and aarch64 (4, 16 or 64 KiB).
   */
  static final long ALIGNMENT_BYTES = 64 * 1024;

  /** What the kernel shows such memory as. */
  static final String NAME = "te-pool";

  private final String location;
  private final boolean hugePages;

  /**
   * Memory of which the system chooses the NUMA node.
   *
   * @param location what peers are told, {@code *} or {@code cpu:N}
   */
  public OffHeapSource(String location) {
    this(location, false);
  }

  /**
   * Memory of which the system chooses the NUMA node.
   *
   * @param location what peers are told, {@code *} or {@code cpu:N}
   * @param hugePages whether it is to be huge pages, and nothing else
   */
  public OffHeapSource(String location, boolean hugePages) {
    this.location = location;
    this.hugePages = hugePages;
  }

  @Override
  public String location() {
    return location;
  }

  @Override
  public Slab take(long bytes) {
    if (hugePages) {
      return ofHugePages(bytes);
    }
    if (!Platform.isLinux()) {
      return ofArena(bytes);
    }
    SharedMemory shared;
    try {
      shared = SharedMemory.of(NAME, bytes, ALIGNMENT_BYTES);
    } catch (NativeCallException | ArithmeticException refused) {
      // No such call here, no descriptor left, or no memory: then the arena says that.
      return ofArena(bytes);
    }
    return slab(shared);
  }

  private static Slab ofHugePages(long bytes) {
    SharedMemory shared;
    try {
      shared = SharedMemory.ofHugePages(NAME, bytes, ALIGNMENT_BYTES);
    } catch (NativeCallException | ArithmeticException refused) {
      throw new TransferException(
          ErrorCode.MEMORY,
          "The system gives no %d bytes in huge pages: %s".formatted(bytes, refused.getMessage()),
          "Reserve as many (/proc/sys/vm/nr_hugepages; /proc/meminfo shows HugePages_Free), ask for"
              + " less, or leave TE_HUGE_PAGES unset",
          refused);
    }
    return slab(shared);
  }

  private static Slab slab(SharedMemory shared) {
    try {
      return new SharedSlab(shared);
    } catch (Throwable t) {
      shared.close();
      throw t;
    }
  }

  private static Slab ofArena(long bytes) {
    Arena arena = Arena.ofShared();
    try {
      return new ArenaSlab(arena, arena.allocate(bytes, ALIGNMENT_BYTES));
    } catch (Throwable t) {
      arena.close();
      throw t;
    }
  }

  private record SharedSlab(SharedMemory shared) implements Slab {
    @Override
    public long address() {
      return shared.memory().address();
    }

    @Override
    public long bytes() {
      return shared.memory().byteSize();
    }

    @Override
    public MemorySegment part(long offset, long length) {
      return shared.memory().asSlice(offset, length);
    }

    /** Takes about 100 µs: every thread of the JVM is asked. */
    @Override
    public void giveBack() {
      shared.close();
    }
  }

  private record ArenaSlab(Arena arena, MemorySegment memory) implements Slab {
    @Override
    public long address() {
      return memory.address();
    }

    @Override
    public long bytes() {
      return memory.byteSize();
    }

    @Override
    public MemorySegment part(long offset, long length) {
      return memory.asSlice(offset, length);
    }

    @Override
    public void giveBack() {
      arena.close();
    }
  }
}
