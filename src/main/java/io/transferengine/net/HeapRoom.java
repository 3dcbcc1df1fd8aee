// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

/**
 * Looks whether there is memory before a step that loses something if it runs out in the middle.
 * The JDK and Netty open a descriptor first, and then make the object that would close it. Somebody
 * else may take the memory in between: this makes a loss rare, not impossible. Stateless.
 */
public final class HeapRoom {
  /** More than a socket's objects take. */
  private static final int BYTES = 16 << 10;

  /** Where it goes for a moment: what is made and never kept may never be made. */
  private static volatile byte[] room = new byte[0];

  private HeapRoom() {}

  /**
   * Throws now rather than later.
   *
   * @throws OutOfMemoryError if the heap is full
   */
  public static void require() {
    byte[] before = room;
    room = new byte[BYTES];
    room = before;
  }
}
