// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.BlockColumns;
import java.util.Arrays;

/**
 * The local ranges of a batch's blocks. Whether a block touches a given range is found in O(log n).
 * Immutable.
 *
 * <p>A block is outside the range if it begins at the range's end or later, or ends at its start or
 * earlier, and never both. So two counts tell, and starts and ends can be sorted separately.
 */
final class LocalRanges {
  private final long[] starts;
  private final long[] ends;

  LocalRanges(BlockColumns blocks) {
    int count = blocks.count();
    starts = new long[count];
    ends = new long[count];
    for (int i = 0; i < count; i++) {
      starts[i] = blocks.local(i);
      ends[i] = starts[i] + blocks.length(i);
    }
    Arrays.sort(starts);
    Arrays.sort(ends);
  }

  /** {@return whether a block shares a byte with the range; {@code end} is exclusive} */
  boolean touch(long start, long end) {
    return countBelow(starts, end) > countBelow(ends, start + 1);
  }

  private static int countBelow(long[] sorted, long limit) {
    int low = 0;
    int high = sorted.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (sorted[middle] < limit) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
