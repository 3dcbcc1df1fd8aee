// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.testkit.Mapped;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;

/**
 * Memory of which is known what every byte of it has to be. Where a transfer ended early there are
 * two answers: the byte that was there, and the one that was on its way. Nothing of the engine is
 * used to find out.
 */
final class CheckedMemory implements AutoCloseable {
  private final String name;
  private final Mapped mapped;
  private final byte[] expected;
  private final byte[] perhaps;
  private final BitSet unsure = new BitSet();

  /** Memory full of random bytes. */
  CheckedMemory(String name, int bytes, long seed) {
    this.name = name;
    this.mapped = Mapped.of(bytes);
    this.expected = new byte[bytes];
    this.perhaps = new byte[bytes];
    new Random(seed).nextBytes(expected);
    MemorySegment.copy(expected, 0, mapped.segment(), ValueLayout.JAVA_BYTE, 0, bytes);
  }

  /** {@return the address of a byte} */
  long address(long offset) {
    return mapped.address() + offset;
  }

  /** Changes memory of which nobody else may change a byte any more. */
  void fill(int offset, int length, byte value) {
    mapped.segment().asSlice(offset, length).fill(value);
    Arrays.fill(expected, offset, offset + length, value);
    unsure.clear(offset, offset + length);
  }

  /** Bytes of {@code from} have arrived here. */
  void gets(int offset, CheckedMemory from, int fromOffset, int length) {
    from.requireSure(fromOffset, length);
    System.arraycopy(from.expected, fromOffset, expected, offset, length);
    unsure.clear(offset, offset + length);
  }

  /** Bytes of {@code from} as they are now may arrive here, each of them or not. */
  void mayGet(int offset, CheckedMemory from, int fromOffset, int length) {
    from.requireSure(fromOffset, length);
    requireSure(offset, length);
    System.arraycopy(from.expected, fromOffset, perhaps, offset, length);
    unsure.set(offset, offset + length);
  }

  /** A byte has one or two answers: with a third one the test would be about nothing. */
  private void requireSure(int offset, int length) {
    int next = unsure.nextSetBit(offset);
    if (next >= 0 && next < offset + length) {
      throw new IllegalStateException("Byte 0x%x of %s is unsure".formatted(next, name));
    }
  }

  /** Throws unless every byte is what it has to be. */
  void check() {
    MemorySegment real = mapped.segment();
    MemorySegment sure = MemorySegment.ofArray(expected);
    MemorySegment other = MemorySegment.ofArray(perhaps);
    long end = real.byteSize();
    long at = 0;
    while (at < end) {
      long same = MemorySegment.mismatch(real, at, end, sure, at, end);
      if (same < 0) {
        return;
      }
      at += same;
      long unsureEnd = unsure.get((int) at) ? Math.min(end, unsure.nextClearBit((int) at)) : at;
      long arrived = MemorySegment.mismatch(real, at, unsureEnd, other, at, unsureEnd);
      long next = arrived < 0 ? unsureEnd : at + arrived;
      if (next == at) {
        throw new AssertionError(
            "Byte 0x%x of %s (%s) is %02x; it was %02x%s"
                .formatted(
                    at,
                    name,
                    Long.toHexString(address(at)),
                    real.get(ValueLayout.JAVA_BYTE, at),
                    expected[(int) at],
                    at < unsureEnd
                        ? " and may become %02x".formatted(perhaps[(int) at])
                        : " and must not change"));
      }
      at = next;
    }
  }

  @Override
  public void close() {
    mapped.close();
  }
}
