// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The memory of simulated devices: addresses that nobody may touch, and what is there. An address
 * is never used again. Not thread-safe.
 */
final class SimulatedMemory {
  private static final int PAGE = 4096;

  /** What was allocated at once. */
  static final class Piece {
    final long base;
    final long bytes;
    final int device;
    final MemorySegment contents;
    long context;
    private final Arena arena;
    private boolean freed;

    Piece(long base, MemorySegment contents, Arena arena, int device) {
      this.base = base;
      this.bytes = contents.byteSize();
      this.device = device;
      this.context = device + 1L;
      this.contents = contents;
      this.arena = arena;
    }
  }

  private final TreeMap<Long, Piece> pieces = new TreeMap<>();

  /** {@return the address of new memory; its contents are the arena's} */
  long add(int device, MemorySegment contents, Arena arena) {
    long base = NoTouch.reserve(pages(contents.byteSize()));
    pieces.put(base, new Piece(base, contents, arena, device));
    return base;
  }

  private static long pages(long bytes) {
    return (bytes + PAGE - 1) / PAGE * PAGE;
  }

  /** {@return whether there was some at the address} */
  boolean free(long address) {
    Piece piece = pieces.get(address);
    if (piece == null || piece.freed) {
      return false;
    }
    piece.freed = true;
    return true;
  }

  /** {@return what an address belongs to; null if that is nothing, or was freed} */
  @Nullable Piece owner(long address) {
    Map.Entry<Long, Piece> below = pieces.floorEntry(address);
    if (below == null) {
      return null;
    }
    Piece piece = below.getValue();
    return !piece.freed && address - piece.base < piece.bytes ? piece : null;
  }

  /** {@return the bytes of a device that were not freed} */
  long allocated(int device) {
    return pieces.values().stream()
        .filter(each -> each.device == device && !each.freed)
        .mapToLong(each -> each.bytes)
        .sum();
  }

  void close() {
    for (Piece each : pieces.values()) {
      each.arena.close();
      NoTouch.release(each.base, pages(each.bytes));
    }
    pieces.clear();
  }
}
