// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.os.MemoryCopy;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Copies between arrays and registered memory, straight from one to the other.
 *
 * <p>A wrong address would end the JVM. So each call takes the {@link Region} that the memory lies
 * in, of which the caller holds a use ({@link RegionTable#acquireTouchable}) for as long as the
 * call takes.
 *
 * <p>Thread-safe. If two threads copy over the same bytes, their order is not defined.
 */
@SuppressWarnings("restricted") // An address has no length: reinterpret() gives it one, here only.
public final class MemoryAccess {
  /** All of user space as one segment, so that a copy needs no segment object of its own. */
  private static final MemorySegment EVERYTHING = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private MemoryAccess() {}

  /**
   * Copies {@code length} bytes of {@code source}, from {@code offset} on, to {@code address}.
   *
   * @param held the region that all of the bytes lie in
   * @throws IndexOutOfBoundsException when the array is shorter than that, or for a negative number
   * @throws IllegalArgumentException when the bytes are not in that region, or the processor must
   *     not touch it
   */
  public static void copyIn(byte[] source, int offset, Region held, long address, int length) {
    requireTouchable(held, address, length);
    MemorySegment.copy(source, offset, EVERYTHING, ValueLayout.JAVA_BYTE, address, length);
  }

  /**
   * Copies {@code length} bytes at {@code address} into {@code destination}, from {@code offset}
   * on.
   *
   * @param held the region that all of the bytes lie in
   * @throws IndexOutOfBoundsException when the array is shorter than that, or for a negative number
   * @throws IllegalArgumentException as {@link #copyIn}
   */
  public static void copyOut(
      Region held, long address, byte[] destination, int offset, int length) {
    requireTouchable(held, address, length);
    MemorySegment.copy(EVERYTHING, ValueLayout.JAVA_BYTE, address, destination, offset, length);
  }

  /**
   * The same out of other memory, which is {@code length} bytes long from {@code offset} on. On
   * both sides it has to be memory that stays ({@link MemoryCopy}), and not the same.
   *
   * @param held a managed pool
   */
  public static void copyIn(
      MemorySegment source, long offset, Region held, long address, long length) {
    requireManaged(held, address, length);
    MemoryCopy.copy(source, offset, EVERYTHING, address, length);
  }

  /** The same into other memory, which is {@code length} bytes long from {@code offset} on. */
  public static void copyOut(
      Region held, long address, MemorySegment destination, long offset, long length) {
    requireManaged(held, address, length);
    MemoryCopy.copy(EVERYTHING, address, destination, offset, length);
  }

  /** What others have registered may be a file that is cut short meanwhile. */
  private static void requireManaged(Region held, long address, long length) {
    requireTouchable(held, address, length);
    if (held.owner() != Region.Owner.POOL) {
      throw new IllegalArgumentException("Not ours to keep: " + held);
    }
  }

  private static void requireTouchable(Region held, long address, long length) {
    if (!held.isTouchable() || (length > 0 && !held.covers(address, length))) {
      throw new IllegalArgumentException(
          length + " bytes at " + Ranges.hex(address) + " cannot be touched: " + held);
    }
  }
}
