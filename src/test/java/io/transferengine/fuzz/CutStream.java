// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import java.io.InputStream;
import java.util.Arrays;
import java.util.Random;

/** Bytes that arrive in pieces. Where they are cut follows from the bytes. */
public final class CutStream extends InputStream {
  private final byte[] bytes;
  private final int pieceMax;
  private final Random random;
  private int at;

  private CutStream(byte[] bytes, int pieceMax) {
    this.bytes = bytes;
    this.pieceMax = pieceMax;
    random = new Random(Arrays.hashCode(bytes));
  }

  /** {@return a stream that has all at once} */
  public static CutStream whole(byte[] bytes) {
    return new CutStream(bytes, Integer.MAX_VALUE);
  }

  /** {@return a stream that has up to 7 bytes at a time} */
  public static CutStream cut(byte[] bytes) {
    return new CutStream(bytes, 7);
  }

  /** {@return how many bytes were read} */
  public int taken() {
    return at;
  }

  @Override
  public int read() {
    return at == bytes.length ? -1 : bytes[at++] & 0xff;
  }

  @Override
  public int read(byte[] to, int offset, int length) {
    if (at == bytes.length) {
      return -1;
    }
    int most = Math.min(length, bytes.length - at);
    int count = Math.min(most, 1 + random.nextInt(pieceMax));
    System.arraycopy(bytes, at, to, offset, count);
    at += count;
    return count;
  }

  @Override
  public int available() {
    return bytes.length - at;
  }
}
