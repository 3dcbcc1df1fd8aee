// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * Memory of which is known what every byte of it has to be. Where a transfer ended early there are
 * several answers: the byte that was there, and those that were on their way. Nothing of the engine
 * is used to find out. Not thread-safe.
 */
public final class CheckedMemory {
  private final String name;
  private MemorySegment memory;
  private final byte[] expected;

  /** Bytes that may be there instead of those in {@link #expected}. */
  private final List<Other> others = new ArrayList<>();

  private static final class Other {
    private final int offset;
    private final byte[] bytes;

    Other(int offset, byte[] bytes) {
      this.offset = offset;
      this.bytes = bytes;
    }

    int offset() {
      return offset;
    }

    int end() {
      return offset + bytes.length;
    }

    /** {@return a part of it that is not empty} */
    Optional<Other> cut(int start, int end) {
      int from = Math.max(start, offset);
      int to = Math.min(end, end());
      return from < to
          ? Optional.of(new Other(from, Arrays.copyOfRange(bytes, from - offset, to - offset)))
          : Optional.empty();
    }
  }

  /** Fills memory with random bytes. */
  public CheckedMemory(String name, MemorySegment memory, long seed) {
    this.name = name;
    this.memory = memory;
    this.expected = new byte[Math.toIntExact(memory.byteSize())];
    new Random(seed).nextBytes(expected);
    MemorySegment.copy(expected, 0, memory, ValueLayout.JAVA_BYTE, 0, expected.length);
  }

  /** Its bytes are elsewhere from now on, as they are. */
  public void moveTo(MemorySegment other) {
    MemorySegment.copy(memory, 0, other, 0, expected.length);
    memory = other;
  }

  public int length() {
    return expected.length;
  }

  /** {@return what a range has to hold} */
  public byte[] expected(int offset, int length) {
    requireSure(offset, length);
    byte[] copy = new byte[length];
    System.arraycopy(expected, offset, copy, 0, length);
    return copy;
  }

  /** Changes memory that nobody else may change any more. */
  public void set(int offset, byte[] bytes) {
    MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, offset, bytes.length);
    gets(offset, bytes);
  }

  /** The same, with one value for all bytes. */
  public void fill(int offset, int length, byte value) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, value);
    set(offset, bytes);
  }

  /** Bytes have arrived here. */
  public void gets(int offset, byte[] bytes) {
    System.arraycopy(bytes, 0, expected, offset, bytes.length);
    List<Other> left = new ArrayList<>();
    for (Other other : others) {
      other.cut(other.offset(), offset).ifPresent(left::add);
      other.cut(offset + bytes.length, other.end()).ifPresent(left::add);
    }
    others.clear();
    others.addAll(left);
  }

  /** Bytes of {@code from} have arrived here. */
  public void gets(int offset, CheckedMemory from, int fromOffset, int length) {
    gets(offset, from.expected(fromOffset, length));
  }

  /** Bytes may arrive here, each of them or not. */
  public void mayGet(int offset, byte[] bytes) {
    others.add(new Other(offset, bytes.clone()));
  }

  /** Bytes of {@code from} as they are now may arrive here, each of them or not. */
  public void mayGet(int offset, CheckedMemory from, int fromOffset, int length) {
    mayGet(offset, from.expected(fromOffset, length));
  }

  /** What is not known cannot be expected elsewhere. */
  private void requireSure(int offset, int length) {
    for (Other other : others) {
      if (other.offset() < offset + length && offset < other.end()) {
        throw new IllegalStateException(
            "Bytes 0x%x to 0x%x of %s are unsure".formatted(other.offset(), other.end(), name));
      }
    }
  }

  /** Inverts a byte that must not change; for a test that this is found. */
  public void invert(int offset) {
    byte old = memory.get(ValueLayout.JAVA_BYTE, offset);
    memory.set(ValueLayout.JAVA_BYTE, offset, (byte) ~old);
  }

  /** {@return whether some byte may be one of several} */
  public boolean isUnsure() {
    return !others.isEmpty();
  }

  /** Nothing more can arrive: what is there is what has to be there. Checks it first. */
  public void settle() {
    check();
    for (Other other : others) {
      MemorySegment.copy(
          memory,
          ValueLayout.JAVA_BYTE,
          other.offset(),
          expected,
          other.offset(),
          other.bytes.length);
    }
    others.clear();
  }

  /** Throws unless every byte is what it has to be. */
  public void check() {
    MemorySegment sure = MemorySegment.ofArray(expected);
    long end = memory.byteSize();
    long at = 0;
    while (at < end) {
      long same = MemorySegment.mismatch(memory, at, end, sure, at, end);
      if (same < 0) {
        return;
      }
      at += same;
      int run = allowedRun((int) at);
      byte found = memory.get(ValueLayout.JAVA_BYTE, at);
      if (run == 0 && found != expected[(int) at]) { // Or it has just changed.
        throw foreign((int) at, found);
      }
      at += Math.max(1, run);
    }
  }

  /** {@return how many bytes from here on are one of the others} */
  private int allowedRun(int at) {
    int longest = 0;
    for (Other other : others) {
      if (at >= other.offset() && at < other.end()) {
        MemorySegment bytes = MemorySegment.ofArray(other.bytes);
        int from = at - other.offset();
        long same =
            MemorySegment.mismatch(memory, at, other.end(), bytes, from, other.bytes.length);
        longest = Math.max(longest, (int) (same < 0 ? other.end() - at : same));
      }
    }
    return longest;
  }

  private AssertionError foreign(int at, byte found) {
    List<String> may =
        others.stream()
            .filter(other -> at >= other.offset() && at < other.end())
            .map(other -> "%02x".formatted(other.bytes[at - other.offset()]))
            .toList();
    return new AssertionError(
        "Byte 0x%x of %s is %02x; it was %02x and %s"
            .formatted(
                at,
                name,
                found,
                expected[at],
                may.isEmpty() ? "must not change" : "may become " + String.join(" or ", may)));
  }
}
