// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A list of ranges of memory in C's form: an array of {@code struct iovec {void *base; size_t
 * length;}}. Filled again and again, without allocation. Not thread-safe.
 */
public final class IoVectors {
  private static final long BYTES = 16;
  private static final long LENGTH = 8;

  private final MemorySegment array;
  private final int capacity;
  private int count;
  private long totalBytes;

  /**
   * An empty list.
   *
   * @param capacity ranges that it has room for; the kernel takes 1024 at most
   */
  public IoVectors(int capacity) {
    this.capacity = capacity;
    // Not freed while a thread that an engine's end has overtaken may still be in a call.
    this.array = Arena.ofAuto().allocate(BYTES * capacity, JAVA_LONG.byteAlignment());
  }

  /** Empties the list. */
  public void clear() {
    count = 0;
    totalBytes = 0;
  }

  /** Adds a range at the end. */
  public void add(long address, long lengthBytes) {
    if (count == capacity) {
      throw new IllegalStateException("More than " + capacity + " ranges");
    }
    long at = count * BYTES;
    array.set(JAVA_LONG, at, address);
    array.set(JAVA_LONG, at + LENGTH, lengthBytes);
    count++;
    totalBytes += lengthBytes;
  }

  /** {@return how many ranges there are} */
  public int count() {
    return count;
  }

  /** {@return the bytes of all ranges} */
  public long totalBytes() {
    return totalBytes;
  }

  /** {@return where a range begins} */
  public long address(int index) {
    return array.get(JAVA_LONG, index * BYTES);
  }

  /** {@return the length of a range in bytes} */
  public long lengthBytes(int index) {
    return array.get(JAVA_LONG, index * BYTES + LENGTH);
  }

  MemorySegment array() {
    return array;
  }
}
