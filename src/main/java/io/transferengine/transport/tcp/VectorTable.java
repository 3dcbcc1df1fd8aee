// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.memory.Region;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The ranges of the vectored request that a target's connection is at. Collected as they arrive,
 * checked all together before the first byte is moved, walked one by one, and let go.
 *
 * <p>From the check to {@link #clear} every region that a range lies in has a use more. What a peer
 * has written into the table is copied out of the network first, so it cannot change below us.
 * Confined to the connection's event loop.
 */
final class VectorTable {
  /** Tables up to this length are kept for the connection's next request: those of our peers. */
  private static final int KEPT_BYTES = 256 * Frames.RANGE_BYTES + Frames.CHECK_BYTES;

  private static final byte[] NONE = {};

  /** On the heap, and only as long as needed: each of thousands of connections may have one. */
  private byte[] table = NONE;

  private boolean write;
  private long bytes;
  private long bytesLeft;
  private int ranges;
  private int checkBytes;
  private int filledBytes;
  private boolean admitted;
  private int current;
  private boolean staged;
  private List<Region> held = new ArrayList<>();

  /**
   * Begins to collect.
   *
   * @param checked whether the table is followed by its sum
   * @return whether number and size are within the limits; if not, nothing has begun
   */
  boolean begin(long totalBytes, long count, boolean isWrite, boolean checked) {
    boolean acceptable =
        count >= 1
            && count <= Frames.VECTOR_RANGES_LIMIT
            && totalBytes >= count
            && totalBytes <= Frames.VECTOR_BYTES_LIMIT;
    if (acceptable) {
      ranges = (int) count;
      bytes = totalBytes;
      write = isWrite;
      checkBytes = checked ? Frames.CHECK_BYTES : 0;
      filledBytes = 0;
      admitted = false;
      staged = false;
      current = 0;
    }
    return acceptable;
  }

  /** {@return whether a vectored request is under way} */
  boolean isActive() {
    return ranges > 0;
  }

  boolean isWrite() {
    return write;
  }

  /** {@return the bytes of all bodies} */
  long bytes() {
    return bytes;
  }

  /** {@return the bytes of the table, and of its sum, that have not arrived yet} */
  int missingBytes() {
    return wantedBytes() - filledBytes;
  }

  private int wantedBytes() {
    return ranges * Frames.RANGE_BYTES + checkBytes;
  }

  /** {@return whether the complete table is followed by its sum} */
  boolean isSealed(Checksum checksum) {
    return Frames.endsWithSum(table, ranges * Frames.RANGE_BYTES, checksum);
  }

  /** Takes in the next bytes of the table, no more than are missing. */
  void fill(long from, int count) {
    if (table.length < wantedBytes()) {
      table = new byte[wantedBytes()];
    }
    MemoryWindow.copy(from, table, filledBytes, count);
    filledBytes += count;
  }

  /**
   * Checks the complete table: each range lies in one registration whose rights allow this, and
   * together they are as long as the header says.
   *
   * @return -1, after which every region is held; or the first range at fault, with none held
   */
  int admit(Admission admission) {
    long sum = 0;
    Region last = null;
    long usableStart = 0;
    long usableEnd = 0;
    for (int i = 0; i < ranges; i++) {
      long address = address(i);
      long length = length(i);
      if (last == null || !last.covers(address, length)) {
        last = use(admission, address, length);
        staged |= last != null && !last.isTouchable();
        usableEnd = 0;
      }
      if (last != null && (address < usableStart || address + length > usableEnd)) {
        // Of a pool only what is handed out, looked at after the use was counted.
        usableStart = address;
        usableEnd = last.usableEnd(address);
        last = address + length <= usableEnd ? last : null;
      }
      // No sum of lengths up to the limit overflows.
      if (last == null || length > bytes || (sum += length) > bytes) {
        release();
        return i;
      }
    }
    if (sum != bytes) {
      release();
      return ranges - 1;
    }
    admitted = true;
    bytesLeft = bytes;
    return -1;
  }

  private @Nullable Region use(Admission admission, long address, long length) {
    Region region = admission.acquire(address, length, write);
    if (region != null) {
      try {
        held.add(region);
      } catch (Throwable noMemory) {
        region.release();
        throw noMemory;
      }
    }
    return region;
  }

  /** {@return whether some of its ranges are a device's memory} */
  boolean isStaged() {
    return staged;
  }

  /** {@return how many ranges there are} */
  int count() {
    return ranges;
  }

  /**
   * {@return the regions in the order in which the ranges come to them, with a use each, which is
   * the caller's from now on}
   */
  List<Region> handOver() {
    List<Region> none = new ArrayList<>();
    List<Region> all = held;
    held = none;
    return all;
  }

  /** {@return whether the table is complete, checked, and held} */
  boolean isAdmitted() {
    return admitted;
  }

  /** {@return the bytes of the bodies from the range on that is to be moved} */
  long bytesLeft() {
    return bytesLeft;
  }

  /** {@return whether there is a range to move} */
  boolean hasRange() {
    return admitted && current < ranges;
  }

  /** Goes on to the next range. */
  void advance() {
    bytesLeft -= length();
    current++;
  }

  /** {@return the number of the range behind the one that is to be moved} */
  int next() {
    return current + 1;
  }

  /** {@return where the range begins that is to be moved} */
  long address() {
    return address(current);
  }

  /** {@return the length of the range that is to be moved} */
  long length() {
    return length(current);
  }

  long address(int index) {
    return Frames.rangeAddress(table, index);
  }

  long length(int index) {
    return Frames.rangeLength(table, index);
  }

  /** {@return whether a range that is not moved yet overlaps one} */
  boolean isUsing(long start, long end) {
    for (int i = current; admitted && i < ranges; i++) {
      if (address(i) < end && address(i) + length(i) > start) {
        return true;
      }
    }
    return false;
  }

  /** The request is over, one way or the other: nothing touches its memory any more. */
  void clear() {
    ranges = 0;
    filledBytes = 0;
    admitted = false;
    release();
    if (table.length > KEPT_BYTES) {
      table = NONE;
    }
  }

  private void release() {
    // The last first, without an iterator: what was released is never released again.
    while (!held.isEmpty()) {
      held.removeLast().release();
    }
  }
}
