// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import io.transferengine.cli.faults.FullHeap;

/** Ends with 0 if a heap with room for a socket's objects, and little more, is as good as full. */
final class HeapRoomMain {
  private static final int ROOM_BYTES = 32 << 10;

  private HeapRoomMain() {}

  public static void main(String[] arguments) {
    HeapRoom.require();
    FullHeap heap = new FullHeap();
    heap.fill();
    long held = heap.heldBytes();
    boolean any = true;
    while (any && held - heap.heldBytes() < ROOM_BYTES) {
      any = heap.release(1); // 64 KiB at most
    }
    boolean refused = false;
    try {
      HeapRoom.require();
    } catch (OutOfMemoryError e) {
      refused = true;
    }
    heap.release();
    HeapRoom.require();
    System.exit(any && refused ? 0 : 1);
  }
}
