// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The buffers of one event loop: {@link MemoryWindow}s to look through, and {@link StagingBlock}s
 * of native memory that small blocks and headers pass through.
 *
 * <p>Both are used last-in first-out, so that a loop that serves many connections keeps touching
 * the same, cache-hot block. Confined to its event loop. The memory lives until the loop has ended
 * and no block is in use any more (the garbage collector sees to it).
 */
final class WindowPool {
  /** Idle windows kept; more than one gathering write (IOV_MAX is 1024) can carry. */
  private static final int IDLE_WINDOWS_LIMIT = 2048;

  /** Idle staging blocks kept: what a loop's connections fill while their sockets are full. */
  private static final int IDLE_BLOCKS_LIMIT = 64;

  private final ArrayDeque<MemoryWindow> windows = new ArrayDeque<>();
  private final ArrayDeque<StagingBlock> blocks = new ArrayDeque<>();
  private final int blockBytes;

  WindowPool(int blockBytes) {
    this.blockBytes = blockBytes;
  }

  /** {@return a window on {@code length} bytes at {@code address}} */
  MemoryWindow window(long address, int length, int readable, MemoryWindow.@Nullable Owner owner) {
    MemoryWindow window = windows.pollLast();
    return (window == null ? new MemoryWindow(this) : window).aim(address, length, readable, owner);
  }

  void giveBack(MemoryWindow window) {
    if (windows.size() < IDLE_WINDOWS_LIMIT) {
      windows.addLast(window);
    }
  }

  /** {@return an empty block with one use, the caller's} */
  StagingBlock block() {
    StagingBlock block = blocks.pollLast();
    return (block == null ? new StagingBlock(this, Arena.ofAuto(), blockBytes) : block).take();
  }

  void giveBack(StagingBlock block) {
    if (blocks.size() < IDLE_BLOCKS_LIMIT) {
      blocks.addLast(block);
    }
  }
}
