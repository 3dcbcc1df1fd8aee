// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import org.jspecify.annotations.Nullable;

/**
 * A bounded piece of native memory between sockets and registered memory, for headers, status
 * frames and blocks that are too small to be worth a system call's trip of their own.
 *
 * <p>Counted: whoever fills it holds a use, and so does each {@link MemoryWindow} that looks at a
 * part of it; the last one gives it back to its {@link Pool}. Confined to one event loop.
 */
final class StagingBlock implements MemoryWindow.Owner {
  /** From this length on a body moves between memory and socket without a copy. */
  static final int DIRECT_BYTES_MIN = 16 << 10;

  /** What it goes back to. */
  interface Pool {
    /** The last use has ended. It must need no memory. */
    void giveBack(StagingBlock block);
  }

  private final Pool pool;
  private final long address;
  private final int capacity;
  private int uses;
  private @Nullable StagingShare share;

  StagingBlock(Pool pool, long address, int capacity) {
    this.pool = pool;
    this.address = address;
    this.capacity = capacity;
  }

  /** {@return whether a window looks at a staging block, not at registered memory} */
  static boolean isUnder(MemoryWindow window) {
    return window.owner() instanceof StagingBlock;
  }

  long address() {
    return address;
  }

  int capacity() {
    return capacity;
  }

  int uses() {
    return uses;
  }

  StagingBlock take() {
    uses++;
    return this;
  }

  /** As {@link #take()}; it counts as one of that share's until it goes back to its pool. */
  StagingBlock takeFor(StagingShare holder) {
    holder.taken();
    share = holder;
    return take();
  }

  void release() {
    uses--;
    if (uses == 0) {
      StagingShare holder = share;
      if (holder != null) {
        share = null;
        holder.givenBack();
      }
      pool.giveBack(this);
    }
  }

  @Override
  public void windowReleased(MemoryWindow window) {
    release();
  }
}
