// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.TransferTask;
import java.util.ArrayList;
import java.util.List;

/**
 * Has a merged request refused again and again, each time with a little more of the heap left, so
 * that memory runs out at each step of cutting it up. Prints what changed although it threw.
 */
public final class ScarceMemoryMain {
  private static final int BLOCKS = 50_000;
  private static final int PIECE_BYTES = 1 << 16;

  private ScarceMemoryMain() {}

  /** Prints how often memory ran out, and ends with 1 when that changed something. */
  public static void main(String[] arguments) {
    TransferTask task = merged();
    TransferException refused = new TransferException(ErrorCode.SOCKET, "refused", "");
    String before = task.describe();
    List<byte[]> held = new ArrayList<>(1 << 16);
    try {
      while (true) {
        held.add(new byte[PIECE_BYTES]);
      }
    } catch (OutOfMemoryError full) {
      // As it should be.
    }
    int thrown = 0;
    while (true) {
      try {
        boolean _ = task.rejected(0, 1, 100L * BLOCKS, false, refused);
        break;
      } catch (OutOfMemoryError scarce) {
        thrown++;
        held.removeLast();
      }
      boolean same = task.describe().equals(before);
      if (!same) {
        held.clear();
        System.out.println("After " + thrown + " it was: " + task.describe());
        System.exit(1);
      }
    }
    held.clear();
    System.out.println("thrown " + thrown + ", then " + task.describe());
    System.exit(0);
  }

  /** Adjacent blocks, all of them out as one request. */
  private static TransferTask merged() {
    long[] place = new long[BLOCKS];
    long[] length = new long[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
      place[i] = 1 + 100L * i;
      length[i] = 100;
    }
    BlockColumns blocks = BlockColumns.of(place, place, length);
    SeamFinder seams = new SeamFinder(new long[] {1}, new long[] {Long.MAX_VALUE});
    TransferTask task = new TransferTask(Operation.WRITE, blocks, seams, seams, (_, _, _) -> {});
    int claimed =
        task.claim((_, _, _, _, _, _) -> {}, Integer.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE);
    if (claimed != 1) {
      throw new AssertionError("not merged: " + claimed);
    }
    return task;
  }
}
