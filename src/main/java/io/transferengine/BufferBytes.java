// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.engine.LocalMemory;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;

/** Copies arrays to and from the memory of an engine. */
final class BufferBytes {
  static final byte[] NONE = new byte[0];

  /** The longest array that the JVM can make. */
  private static final int LONGEST = Integer.MAX_VALUE - 8;

  private BufferBytes() {}

  static void write(LocalMemory memory, long destAddress, byte[] src, long length) {
    if (length < 0 || length > src.length) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "%d bytes of an array of %d".formatted(length, src.length),
          "Give a length from 0 to the array's");
    }
    if (length > 0) {
      memory.bytes().write(destAddress, src, (int) length);
    }
  }

  static byte[] read(LocalMemory memory, long sourceAddress, long length) {
    if (length < 0 || length > LONGEST) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "An array of " + length + " bytes cannot be made",
          "Read less at a time");
    }
    if (length == 0) {
      return NONE;
    }
    return memory.bytes().read(sourceAddress, (int) length);
  }
}
