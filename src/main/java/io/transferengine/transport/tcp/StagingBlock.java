// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A bounded piece of native memory between sockets and registered memory, for headers, status
 * frames and blocks that are too small to be worth a system call's trip of their own.
 *
 * <p>Counted: whoever fills it holds a use, and so does each {@link MemoryWindow} that looks at a
 * part of it; the last one gives it back to its {@link WindowPool}. Confined to one event loop.
 */
final class StagingBlock implements MemoryWindow.Owner {
  /** Cache lines do not straddle two blocks' ends. */
  private static final long ALIGNMENT_BYTES = 64;

  private final WindowPool pool;
  private final MemorySegment memory;
  private int uses;

  StagingBlock(WindowPool pool, Arena arena, int bytes) {
    this.pool = pool;
    this.memory = arena.allocate(bytes, ALIGNMENT_BYTES);
  }

  long address() {
    return memory.address();
  }

  int capacity() {
    return (int) memory.byteSize();
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
