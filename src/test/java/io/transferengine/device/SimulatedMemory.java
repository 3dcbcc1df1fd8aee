// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The memory of simulated devices: addresses that nobody may touch, and what is there. An address
 * is never used again. Not thread-safe.
 */
final class SimulatedMemory {
  static final int PAGE = 4096;

  /** What was allocated at once. */
  static final class Piece {
    final long base;
    final long bytes;
    final int device;
    final MemorySegment contents;

    /** What other processes open it by; empty if they cannot. */
    final List<Long> handle;

    long context;

    /** How often it was opened here; 0 for memory of this process. */
    int opened;

    private final Arena arena;
    boolean freed;

    Piece(long base, MemorySegment contents, Arena arena, int device, List<Long> handle) {
      this.base = base;
      this.bytes = contents.byteSize();
      this.device = device;
      this.context = device + 1L;
      this.contents = contents;
      this.arena = arena;
      this.handle = handle;
    }
  }

  private final TreeMap<Long, Piece> pieces = new TreeMap<>();

  /** {@return the address of new memory; its contents are the arena's} */
  long add(int device, MemorySegment contents, Arena arena, List<Long> handle) {
    long base = NoTouch.reserve(pages(contents.byteSize()));
    pieces.put(base, new Piece(base, contents, arena, device, handle));
    return base;
  }

  static long pages(long bytes) {
    return (bytes + PAGE - 1) / PAGE * PAGE;
  }

  /** {@return what begins at the address; null if that is nothing, or was freed} */
  @Nullable Piece at(long address) {
    Piece piece = pieces.get(address);
    return piece == null || piece.freed ? null : piece;
  }

  /** {@return what was opened by a handle; null if nothing was} */
  @Nullable Piece opened(List<Long> handle) {
    return pieces.values().stream()
        .filter(each -> each.opened > 0 && each.handle.equals(handle))
        .findFirst()
        .orElse(null);
  }

  /** {@return how many pieces of other processes are open} */
  int openedCount() {
    return Math.toIntExact(pieces.values().stream().filter(each -> each.opened > 0).count());
  }

  /** {@return the handles of what is open, which is open no more} */
  List<List<Long>> forgetOpened() {
    List<List<Long>> handles = new ArrayList<>();
    for (Piece each : pieces.values()) {
      if (each.opened > 0) {
        each.opened = 0;
        each.freed = true;
        handles.add(each.handle);
      }
    }
    return handles;
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
