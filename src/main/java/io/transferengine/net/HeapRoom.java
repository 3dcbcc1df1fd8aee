// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

/**
 * Looks whether there is memory before a step that loses something if it runs out in the middle.
 * The JDK and Netty open a descriptor first, and then make the objects that would close it.
 * Somebody else may take the memory in between: this makes a loss rare, not impossible. So it asks
 * for much more than the step takes: who fills a heap needs longer for that than the step.
 * Stateless.
 */
public final class HeapRoom {
  /** So much is taken by nobody while a socket's objects are made, some microseconds. */
  private static final long PLENTY_BYTES = 4L << 20;

  /** Otherwise: some 50 times what these take. */
  private static final int BYTES = 128 << 10;

  /** Where it goes for a moment: what is made and never kept may never be made. */
  private static volatile byte[] room = new byte[0];

  private HeapRoom() {}

  /**
   * Throws now rather than later.
   *
   * @throws OutOfMemoryError if the heap is full
   */
  public static void require() {
    Runtime runtime = Runtime.getRuntime();
    if (runtime.freeMemory() < PLENTY_BYTES) {
      byte[] before = room;
      room = new byte[BYTES];
      room = before;
    }
  }
}
