// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.memory.SortedAddresses;

/**
 * A sorted set of disjoint ranges (registrations of ours, or the buffers a peer published) that
 * answers how far one may read on from an address without crossing into another range. It keeps the
 * last range found, since the blocks of a batch tend to stay in one: a hint, so it is thread-safe.
 */
public final class SeamFinder {
  final long[] starts;
  final long[] ends;
  private int last;

  /**
   * A finder over ranges.
   *
   * @param starts first addresses, sorted ascending
   * @param ends the addresses after the last bytes, in the same order
   */
  public SeamFinder(long[] starts, long[] ends) {
    this.starts = starts;
    this.ends = ends;
  }

  /** {@return the end of the range that {@code address} lies in, or 0 when it lies in none} */
  public long endOfRange(long address) {
    int index = find(address);
    return index < 0 ? 0 : ends[index];
  }

  /** {@return the index of the range that {@code address} lies in, or -1 if it lies in none} */
  int find(long address) {
    int index = find(starts, ends, address, last);
    if (index >= 0) {
      last = index;
    }
    return index;
  }

  /**
   * {@return the same, for who keeps the last index itself}
   *
   * @param last what was found last; 0 at first
   */
  static int find(long[] starts, long[] ends, long address, int last) {
    if (starts.length == 0) {
      return -1;
    }
    if (address >= starts[last] && address < ends[last]) {
      return last;
    }
    int index = SortedAddresses.floorIndex(starts, address);
    return index < 0 || address >= ends[index] ? -1 : index;
  }
}
