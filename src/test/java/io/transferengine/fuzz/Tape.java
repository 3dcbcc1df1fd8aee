// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import java.util.Arrays;

/**
 * An input that is read as choices, one after another; when it is used up, all that follows is 0.
 * For what bytes alone do not find: checksums, and addresses that differ from run to run.
 */
public final class Tape {
  private final byte[] bytes;
  private int at;

  /** Begins at the first byte. */
  public Tape(byte[] bytes) {
    this.bytes = bytes;
  }

  /** {@return whether nothing is left} */
  public boolean isOver() {
    return at >= bytes.length;
  }

  /** {@return the next byte, 0 to 255} */
  public int next() {
    return isOver() ? 0 : bytes[at++] & 0xff;
  }

  /** {@return a number from 0 to {@code end - 1}, of two bytes} */
  public int below(int end) {
    return ((next() << 8) | next()) % end;
  }

  /** {@return eight bytes as a number, the lowest first} */
  public long number() {
    long number = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      number |= (long) next() << (8 * i);
    }
    return number;
  }

  /** {@return the next bytes, as many as there are} */
  public byte[] bytes(int most) {
    int end = Math.min(bytes.length, at + most);
    byte[] taken = Arrays.copyOfRange(bytes, at, end);
    at = end;
    return taken;
  }
}
