// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * A bounded piece of native memory between sockets and registered memory, for headers, status
 * frames and blocks that are too small to be worth a system call's trip of their own.
 *
 * <p>Counted: whoever fills it holds a use, and so does each {@link MemoryWindow} that looks at a
 * part of it; the last one gives it back to its {@link WindowPool}. Confined to one event loop.
 */
final class StagingBlock implements MemoryWindow.Owner {
  private final WindowPool pool;
  private final long address;
  private final int capacity;
  private int uses;

  StagingBlock(WindowPool pool, long address, int capacity) {
    this.pool = pool;
    this.address = address;
    this.capacity = capacity;
  }

  long address() {
    return address;
  }

  int capacity() {
    return capacity;
  }

  boolean isInUse() {
    return uses > 0;
  }

  StagingBlock take() {
    uses++;
    return this;
  }

  void release() {
    uses--;
    if (uses == 0) {
      pool.giveBack(this);
    }
  }

  @Override
  public void windowReleased(MemoryWindow window) {
    release();
  }
}
