// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transport.Queues;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * What has arrived on a target's connection while answers had to drain, oldest first. One window,
 * and what a read already under way may add after reading was switched off.
 */
final class HeldInput {
  private final ArrayDeque<MemoryWindow> windows = new ArrayDeque<>();
  private long from;

  boolean isEmpty() {
    return windows.isEmpty();
  }

  /** Keeps the bytes of a staged window from {@code at} on, to its end. */
  void add(MemoryWindow window, long at) {
    if (windows.isEmpty()) {
      from = at;
    }
    // Kept first, counted then: an addition that finds no memory has taken nothing.
    Queues.addLast(windows, window);
    window.retain();
  }

  /** {@return the address of the oldest byte, 0 when there is none} */
  long from() {
    return windows.isEmpty() ? 0 : from;
  }

  /** {@return the end of the oldest window, 0 when there is none} */
  long end() {
    MemoryWindow window = windows.peekFirst();
    return window == null ? 0 : window.memoryAddress() + window.readableBytes();
  }

  /** The bytes up to {@code at} are used up. */
  void consumedTo(long at) {
    MemoryWindow window = windows.peekFirst();
    if (window == null) {
      return;
    }
    from = at;
    if (at == end()) {
      windows.removeFirst();
      window.release();
      @Nullable MemoryWindow next = windows.peekFirst();
      from = next == null ? 0 : next.memoryAddress();
    }
  }

  /** Gives everything up. */
  void clear() {
    MemoryWindow window;
    while ((window = windows.pollFirst()) != null) {
      window.release();
    }
  }
}
