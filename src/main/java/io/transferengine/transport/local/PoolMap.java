// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.memory.MemoryAccess;
import io.transferengine.memory.Region;
import io.transferengine.os.SharedMapping;
import io.transferengine.transfer.Operation;
import org.jspecify.annotations.Nullable;

/**
 * A pool of another engine, as this process has mapped it; or that it could not. Thread-safe.
 *
 * <p>When the pool or the engine has ended, the mapping is closed ({@link PeerPools}).
 */
final class PoolMap {
  private final long fence;
  private final long address;
  private final @Nullable SharedMapping mapping;

  /** No copy begins any more. */
  private volatile boolean closed;

  /**
   * One that is used as long as it is not closed.
   *
   * @param mapping of all of it; null if there is none
   */
  PoolMap(Gate.Entry pool, @Nullable SharedMapping mapping) {
    this.fence = pool.fence();
    this.address = pool.address();
    this.mapping = mapping;
  }

  long fence() {
    return fence;
  }

  long bytes() {
    return mapping == null ? 0 : mapping.memory().byteSize();
  }

  /** {@return whether it can be used} */
  boolean isOpen() {
    return mapping != null && !closed;
  }

  /**
   * Copies between our memory and the pool.
   *
   * @param ours what the local range lies in
   * @param remote where the other range is in the engine's own process
   * @throws IllegalStateException if it is closed, or the range is not in it
   */
  void copy(Operation operation, Region ours, long local, long remote, long bytes) {
    if (mapping == null || closed) {
      throw new IllegalStateException("The pool is not mapped");
    }
    long offset = remote - address;
    if (offset < 0 || offset > bytes() - bytes) {
      throw new IllegalStateException("The pool's entry has changed");
    }
    if (operation == Operation.WRITE) {
      MemoryAccess.copyOut(ours, local, mapping.memory(), offset, bytes);
    } else {
      MemoryAccess.copyIn(mapping.memory(), offset, ours, local, bytes);
    }
  }

  /** Ends it. Who is in the middle of a copy is waited for. By one thread at a time. */
  void close() {
    if (isOpen() && mapping != null) {
      closed = true;
      mapping.close();
    }
  }
}
