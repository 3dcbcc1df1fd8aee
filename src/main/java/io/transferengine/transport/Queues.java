// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import java.util.ArrayDeque;

/**
 * Additions to a queue that change nothing when they throw. {@link ArrayDeque} puts the element in
 * and grows then: if there is no memory for that, it looks empty, and all that was in it is lost.
 */
public final class Queues {
  private Queues() {}

  /** Puts an element at the front that is not there yet; not at all when this throws. */
  @SuppressWarnings("ReferenceEquality") // this very element, not one like it
  public static <E> void addFirst(ArrayDeque<E> queue, E element) {
    try {
      queue.addFirst(element);
    } catch (Throwable t) {
      if (queue.peekFirst() == element) {
        var _ = queue.pollFirst();
      }
      throw t;
    }
  }

  /** Puts an element at the end that is not there yet; not at all when this throws. */
  @SuppressWarnings("ReferenceEquality") // this very element, not one like it
  public static <E> void addLast(ArrayDeque<E> queue, E element) {
    try {
      queue.addLast(element);
    } catch (Throwable t) {
      if (queue.peekLast() == element) {
        var _ = queue.pollLast();
      }
      throw t;
    }
  }
}
