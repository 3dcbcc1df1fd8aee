// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Memory that a {@link MemoryPool} wants to return and cannot yet: a chain, since to keep a piece
 * must not fail for want of memory. Guarded by the lock of its pool.
 */
final class KeptMemory {
  private @Nullable PoolMemory first;

  KeptMemory() {}

  boolean isEmpty() {
    return first == null;
  }

  void add(PoolMemory memory) {
    memory.setNextKept(first);
    first = memory;
  }

  /** {@return all of it, which is the caller's from now on} */
  List<PoolMemory> takeAll() {
    List<PoolMemory> all = new ArrayList<>();
    for (PoolMemory each = first; each != null; each = each.nextKept()) {
      all.add(each);
    }
    first = null;
    return all;
  }
}
