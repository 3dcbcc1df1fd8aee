// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Content that both processes can make and check without exchanging it: each byte follows from a
 * seed and its offset, so that a shifted, swapped or missing block shows.
 */
public final class Pattern {
  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Pattern() {}

  private static long word(long seed, long index) {
    long z = (seed + 1) * 0xbf58476d1ce4e5b9L + index * 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  /** {@return the byte at an offset} */
  public static byte at(long seed, long offset) {
    return (byte) (word(seed, offset >> 3) >>> ((offset & 7) * 8));
  }

  /** Fills memory with the bytes from {@code offset} on. */
  public static void fill(MemorySegment memory, long seed, long offset) {
    long i = 0;
    long length = memory.byteSize();
    while (i < length) {
      if (((offset + i) & 7) == 0 && length - i >= 8) {
        memory.set(WORD, i, word(seed, (offset + i) >> 3));
        i += 8;
      } else {
        memory.set(ValueLayout.JAVA_BYTE, i, at(seed, offset + i));
        i++;
      }
    }
  }

  /** {@return where memory differs first from the bytes from {@code offset} on, or -1} */
  public static long firstMismatch(MemorySegment memory, long seed, long offset) {
    long i = 0;
    long length = memory.byteSize();
    while (i < length) {
      if (((offset + i) & 7) == 0 && length - i >= 8) {
        if (memory.get(WORD, i) == word(seed, (offset + i) >> 3)) {
          i += 8;
          continue;
        }
      }
      if (memory.get(ValueLayout.JAVA_BYTE, i) != at(seed, offset + i)) {
        return i;
      }
      i++;
    }
    return -1;
  }
}
