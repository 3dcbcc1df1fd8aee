// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.util.Arrays;

/**
 * Ranges of a device's memory that are copied to or from one piece of host memory, in which they
 * lie one behind the other. For one thread at a time; not to be changed while it is copied.
 */
public final class CopyList {
  /** As many as an engine has room for in its tables. */
  public static final int RANGES_LIMIT = 4096;

  /** As many bytes as one list may have. */
  public static final int BYTES_LIMIT = 64 << 20;

  private long[] addresses = new long[16];
  private long[] lengths = new long[16];
  private int count;
  private long bytes;

  /** Each range begins behind all before it: nothing can overlap. */
  private boolean ascending = true;

  /** An empty list. */
  public CopyList() {}

  /** {@return how many ranges there are} */
  public int count() {
    return count;
  }

  /** {@return the length of all ranges} */
  public long bytes() {
    return bytes;
  }

  /** {@return where a range begins on the device} */
  public long address(int index) {
    return addresses[index];
  }

  /** {@return the length of a range in bytes} */
  public long length(int index) {
    return lengths[index];
  }

  /** {@return whether there is room for one more range of so many bytes} */
  public boolean hasRoom(long length) {
    return count < RANGES_LIMIT && length <= BYTES_LIMIT - bytes;
  }

  /** {@return whether two ranges have a byte in common: then it matters which is copied last} */
  boolean hasOverlaps() {
    if (ascending) {
      return false;
    }
    return Overlaps.among(addresses, lengths, count);
  }

  /**
   * Adds a range behind the others; one that goes on where the last ends is joined with it.
   *
   * @throws IllegalArgumentException for a length below 1, or without room
   */
  public void add(long address, long length) {
    if (length < 1 || !hasRoom(length)) {
      throw new IllegalArgumentException(length + " bytes as range " + count);
    }
    if (count > 0 && addresses[count - 1] + lengths[count - 1] == address) {
      lengths[count - 1] += length;
    } else {
      if (count == addresses.length) {
        long[] moreAddresses = Arrays.copyOf(addresses, 2 * count);
        lengths = Arrays.copyOf(lengths, 2 * count);
        addresses = moreAddresses;
      }
      ascending &= count == 0 || addresses[count - 1] + lengths[count - 1] <= address;
      addresses[count] = address;
      lengths[count] = length;
      count++;
    }
    bytes += length;
  }
}
