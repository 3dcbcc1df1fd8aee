// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.memory.BuddyAllocator.FreeResult;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One piece of memory taken from the system: either a pool shared by many blocks, or a region that
 * is one single block. Guarded by the lock of its {@link MemoryPool}, {@link #close()} aside.
 */
final class PoolMemory {
  /**
   * Where a piece begins: a multiple of the largest base page that Linux uses on x86-64 (4 KiB) and
   * aarch64 (4, 16 or 64 KiB).
   */
  static final long ALIGNMENT_BYTES = 64 * 1024;

  private final Arena arena;
  private final MemorySegment memory;

  /** Null for a region of one block. */
  private final @Nullable BuddyAllocator blocks;

  private boolean singleBlockInUse;
  private @Nullable Region region;

  private PoolMemory(Arena arena, MemorySegment memory, @Nullable BuddyAllocator blocks) {
    this.arena = arena;
    this.memory = memory;
    this.blocks = blocks;
  }

  /**
   * Takes memory from the system, zeroed.
   *
   * @throws OutOfMemoryError when there is none
   */
  static PoolMemory take(long bytes, boolean isShared) {
    BuddyAllocator blocks = isShared ? new BuddyAllocator(bytes) : null;
    Arena arena = Arena.ofShared();
    try {
      return new PoolMemory(arena, arena.allocate(bytes, ALIGNMENT_BYTES), blocks);
    } catch (Throwable t) {
      arena.close();
      throw t;
    }
  }

  MemorySegment memory() {
    return memory;
  }

  long address() {
    return memory.address();
  }

  long bytes() {
    return memory.byteSize();
  }

  boolean isShared() {
    return blocks != null;
  }

  boolean contains(long address) {
    return address >= address() && address - address() < bytes();
  }

  /** Notes the registration, until {@link #takeRegion()}. */
  void setRegion(Region region) {
    this.region = region;
  }

  /** {@return the registration, which this forgets} */
  Region takeRegion() {
    Region taken = region;
    if (taken == null) {
      throw new IllegalStateException("Memory at " + Ranges.hex(address()) + " is not registered");
    }
    region = null;
    return taken;
  }

  /** {@return a block of {@code length} bytes, or null when there is no room} */
  @Nullable MemorySegment allocate(long length) {
    if (blocks != null) {
      long offset = blocks.allocate(length);
      return offset < 0 ? null : memory.asSlice(offset, length);
    }
    if (singleBlockInUse || length != bytes()) {
      return null;
    }
    singleBlockInUse = true;
    return memory;
  }

  FreeResult free(long address, long length) {
    if (blocks != null) {
      return blocks.free(address - address(), length);
    }
    if (address != address()) {
      return FreeResult.NOT_ALLOCATED;
    }
    if (length != bytes()) {
      return FreeResult.WRONG_LENGTH;
    }
    if (!singleBlockInUse) {
      return FreeResult.ALREADY_FREE;
    }
    singleBlockInUse = false;
    return FreeResult.FREED;
  }

  /** {@return the block handed out that holds {@code address}, or null} */
  @Nullable MemorySegment blockAt(long address) {
    if (blocks == null) {
      return singleBlockInUse ? memory : null;
    }
    long start = blocks.blockStart(address - address());
    return start < 0 ? null : memory.asSlice(start, blocks.blockLength(start));
  }

  boolean isEmpty() {
    return blocks != null ? blocks.isEmpty() : !singleBlockInUse;
  }

  /**
   * Gives the memory back to the system. Takes about 100 µs: every thread of the JVM is asked.
   *
   * @throws IllegalStateException when Java's own I/O is using a segment of it right now
   */
  void close() {
    arena.close();
  }
}
