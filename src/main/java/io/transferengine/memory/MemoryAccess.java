// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Copies between arrays and native memory named by its address, straight from one to the other.
 *
 * <p>Nothing here knows what is mapped: a wrong address ends the JVM. The caller has found the
 * range in the {@link RegionTable} and holds a use of its {@link Region} for as long as the call
 * takes.
 *
 * <p>Thread-safe; two threads that copy over the same bytes see whatever order the bytes take.
 */
@SuppressWarnings("restricted") // An address has no length: reinterpret() gives it one, here only.
public final class MemoryAccess {
  /** All of user space as one segment, so that a copy needs no segment object of its own. */
  private static final MemorySegment EVERYTHING = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private MemoryAccess() {}

  /**
   * Copies {@code length} bytes of {@code source}, from {@code offset} on, to {@code address}.
   *
   * @throws IndexOutOfBoundsException when the array is shorter than that, or for a negative number
   */
  public static void copyIn(byte[] source, int offset, long address, int length) {
    MemorySegment.copy(source, offset, EVERYTHING, ValueLayout.JAVA_BYTE, address, length);
  }

  /**
   * Copies {@code length} bytes at {@code address} into {@code destination}, from {@code offset}
   * on.
   *
   * @throws IndexOutOfBoundsException when the array is shorter than that, or for a negative number
   */
  public static void copyOut(long address, byte[] destination, int offset, int length) {
    MemorySegment.copy(EVERYTHING, ValueLayout.JAVA_BYTE, address, destination, offset, length);
  }

  /** Copies {@code length} bytes; the ranges may overlap. */
  public static void copy(long from, long to, long length) {
    MemorySegment.copy(EVERYTHING, from, EVERYTHING, to, length);
  }

  /**
   * {@return the memory at {@code address} as a segment of {@code length} bytes} Any thread may use
   * it; nothing ends its life when the memory behind it is freed.
   */
  public static MemorySegment segmentAt(long address, long length) {
    return MemorySegment.ofAddress(address).reinterpret(length);
  }
}
