// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

/**
 * Finds the range that an address may lie in, among ranges that do not overlap: the one with the
 * greatest first address not above it.
 *
 * <p>Blocks of a batch are often scattered over many registrations, and then each of them is looked
 * for in random order. A search that branches guesses wrong half of the time, which costs more than
 * all else in it; this one computes where it goes on.
 */
public final class SortedAddresses {
  private SortedAddresses() {}

  /**
   * {@return the index of the greatest of {@code sorted} that is not above {@code address}, -1 when
   * there is none} For a negative address any index: it lies in no range, and the caller compares
   * with the end of the range that it is told of anyhow.
   *
   * @param sorted ascending, each 0 or more
   */
  public static int floorIndex(long[] sorted, long address) {
    int first = 0;
    int count = sorted.length;
    while (count > 1) {
      int half = count >>> 1;
      // All ones when sorted[first + half] <= address, else zero.
      int goOn = (int) ((sorted[first + half] - address - 1) >> 63);
      first += half & goOn;
      count -= half;
    }
    return count == 0 || sorted[first] > address ? -1 : first;
  }
}
