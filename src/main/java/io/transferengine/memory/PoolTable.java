// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.access.AccessRights;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The memory that a {@link MemoryPool} has handed out blocks of, found by address and by who has
 * room. Guarded by the lock of its pool.
 */
final class PoolTable {
  private final TreeMap<Long, PoolMemory> byAddress = new TreeMap<>();

  /** Those of many blocks, the oldest first. */
  private final List<PoolMemory> shared = new ArrayList<>();

  PoolTable() {}

  void add(PoolMemory memory) {
    byAddress.put(memory.address(), memory);
    if (memory.isShared()) {
      shared.add(memory);
    }
  }

  /** Passes over what is not in it. Needs no memory. */
  void remove(PoolMemory memory) {
    byAddress.remove(memory.key());
    shared.remove(memory);
  }

  /** Makes it empty; all of it is kept. Needs no memory. */
  void moveTo(KeptMemory kept) {
    while (!byAddress.isEmpty()) {
      PoolMemory first = byAddress.remove(byAddress.firstKey());
      if (first != null) {
        kept.add(first);
      }
    }
    shared.clear();
  }

  int size() {
    return byAddress.size();
  }

  @Nullable PoolMemory find(long address) {
    Map.Entry<Long, PoolMemory> below = byAddress.floorEntry(address);
    return below != null && below.getValue().contains(address) ? below.getValue() : null;
  }

  /** {@return the bytes of the largest with these rights that has many blocks, 0 without any} */
  long largestSharedBytes(AccessRights rights) {
    long largest = 0;
    for (PoolMemory pool : shared) {
      if (pool.rights() == rights) {
        largest = Math.max(largest, pool.bytes());
      }
    }
    return largest;
  }

  /**
   * {@return other processes of which copies keep freed blocks with these rights from being handed
   * out; null if there are none}
   */
  @Nullable PeerCopies heldBackBy(AccessRights rights) {
    for (PoolMemory pool : shared) {
      PeerCopies peers = pool.rights() == rights ? pool.heldBackBy() : null;
      if (peers != null) {
        return peers;
      }
    }
    return null;
  }

  /**
   * {@return a block, or null when none of them with these rights has room} Oldest pools first, so
   * that the younger ones run empty.
   */
  @Nullable MemorySegment allocate(long lengthBytes, AccessRights rights, long nowNanos) {
    MemorySegment block = null;
    for (int i = 0; block == null && i < shared.size(); i++) {
      PoolMemory pool = shared.get(i);
      block = pool.rights() == rights ? pool.allocate(lengthBytes, nowNanos) : null;
    }
    for (int i = 0; block == null && i < shared.size(); i++) {
      PoolMemory pool = shared.get(i);
      block = pool.rights() == rights ? pool.allocateFromRetired(lengthBytes) : null;
    }
    return block;
  }
}
