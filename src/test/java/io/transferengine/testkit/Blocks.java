// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Blocks at a stride, each with its own part of one {@link Pattern}, and zeros between them. */
public final class Blocks {
  private Blocks() {}

  /** {@return the addresses of all blocks} */
  public static long[] addresses(long base, int count, long stride) {
    long[] addresses = new long[count];
    for (int i = 0; i < count; i++) {
      addresses[i] = base + i * stride;
    }
    return addresses;
  }

  /** Fills the blocks and leaves the gaps alone. */
  public static void fill(long base, int count, long length, long stride, long seed) {
    MemorySegment all = Mapped.at(base, count * stride);
    for (int i = 0; i < count; i++) {
      Pattern.fill(all.asSlice(i * stride, length), seed, i * length);
    }
  }

  /** {@return the first block that is not as filled, or is followed by a gap with a byte in it} */
  public static long firstWrong(long base, int count, long length, long stride, long seed) {
    MemorySegment all = Mapped.at(base, count * stride);
    for (int i = 0; i < count; i++) {
      if (Pattern.firstMismatch(all.asSlice(i * stride, length), seed, i * length) >= 0) {
        return i;
      }
      for (long gap = i * stride + length; gap < (i + 1) * stride; gap++) {
        if (all.get(ValueLayout.JAVA_BYTE, gap) != 0) {
          return i;
        }
      }
    }
    return -1;
  }
}
