// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transport.Queues;
import java.util.ArrayDeque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/**
 * The windows on registered memory that are out of a stream, oldest first. A kernel that copies
 * gives them back in their order; one that does not may give back a later one first. Confined to
 * the channel's event loop.
 */
final class BodiesOut implements Iterable<MemoryWindow> {
  private final ArrayDeque<MemoryWindow> windows = new ArrayDeque<>();

  /** Adds one behind all others; not at all when this throws. */
  void add(MemoryWindow window) {
    Queues.addLast(windows, window);
  }

  /** Takes away the newest, which was never sent. */
  void removeNewest() {
    windows.removeLast();
  }

  /**
   * One is back.
   *
   * @return what is to be told now; null when nothing is. What hangs on a window behind others of
   *     the same body is told with the last of those
   */
  @SuppressWarnings("ReferenceEquality") // of buffers, whose equals compares what is in them
  @Nullable Object back(MemoryWindow window) {
    Object attachment = window.attachment();
    if (windows.peekFirst() == window) {
      windows.removeFirst();
      return attachment;
    }
    MemoryWindow before = null;
    Iterator<MemoryWindow> all = windows.iterator();
    while (all.hasNext()) {
      MemoryWindow next = all.next();
      if (next == window) {
        all.remove();
        break;
      }
      before = next;
    }
    if (before != null
        && attachment != null
        && before.attachment() == null
        && isSameBody(before, window)) {
      var _ = before.attach(attachment);
      return null;
    }
    return attachment;
  }

  /** {@return whether one lies as far before the other in memory as it does in the stream} */
  private static boolean isSameBody(MemoryWindow before, MemoryWindow window) {
    return window.memoryAddress() - before.memoryAddress()
        == window.streamEnd() - window.capacity() - (before.streamEnd() - before.capacity());
  }

  @Nullable MemoryWindow oldest() {
    return windows.peekFirst();
  }

  /** {@return whether one overlaps a range of memory} */
  boolean overlaps(long from, long to) {
    for (MemoryWindow window : windows) {
      if (window.memoryAddress() < to && window.memoryAddress() + window.capacity() > from) {
        return true;
      }
    }
    return false;
  }

  @Override
  public Iterator<MemoryWindow> iterator() {
    return windows.iterator();
  }
}
