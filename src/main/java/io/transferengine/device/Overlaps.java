// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.util.Arrays;

/** Whether ranges have bytes in common. */
final class Overlaps {
  private Overlaps() {}

  /** {@return whether two of so many ranges have a byte in common} */
  static boolean among(long[] addresses, long[] lengths, int count) {
    long[] begins = Arrays.copyOf(addresses, count);
    long[] ends = new long[count];
    for (int i = 0; i < count; i++) {
      ends[i] = addresses[i] + lengths[i];
    }
    // Ranges are apart if, and only if, the nth end comes before the next begin.
    Arrays.sort(begins);
    Arrays.sort(ends);
    for (int i = 1; i < count; i++) {
      if (ends[i - 1] > begins[i]) {
        return true;
      }
    }
    return false;
  }
}
