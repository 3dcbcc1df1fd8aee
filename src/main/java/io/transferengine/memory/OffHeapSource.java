// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory of this process outside of the Java heap. Each slab is an arena of its own. */
public final class OffHeapSource implements MemorySource {
  /**
   * Where a slab begins: at a multiple of the largest base page that Linux uses on x86-64 (4 KiB)
   * and aarch64 (4, 16 or 64 KiB).
   */
  static final long ALIGNMENT_BYTES = 64 * 1024;

  private final String location;

  /**
   * Memory of which the system chooses the NUMA node.
   *
   * @param location what peers are told, {@code *} or {@code cpu:N}
   */
  public OffHeapSource(String location) {
    this.location = location;
  }

  @Override
  public String location() {
    return location;
  }

  @Override
  public Slab take(long bytes) {
    Arena arena = Arena.ofShared();
    try {
      return new ArenaSlab(arena, arena.allocate(bytes, ALIGNMENT_BYTES));
    } catch (Throwable t) {
      arena.close();
      throw t;
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

    /** Takes about 100 µs: every thread of the JVM is asked. */
    @Override
    public void giveBack() {
      arena.close();
    }
  }
}
