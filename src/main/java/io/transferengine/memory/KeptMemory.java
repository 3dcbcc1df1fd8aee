// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

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

  /** {@return all of it, the caller's from now on: a chain by {@link PoolMemory#nextKept}} */
  @Nullable PoolMemory takeAll() {
    PoolMemory all = first;
    first = null;
    return all;
  }
}
