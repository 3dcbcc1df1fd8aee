// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** Turns the memory that callers hand in into addresses, refusing what has none. */
public final class NativeMemory {
  private NativeMemory() {}

  /**
   * {@return the segment itself, once it is known to be native and alive}
   *
   * @param segment off-heap memory
   * @throws TransferException for heap memory and for a closed arena's, saying what to use
   */
  public static MemorySegment require(MemorySegment segment) {
    if (!segment.isNative()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "A heap segment of %d bytes has no fixed address: the garbage collector moves it while"
                  .formatted(segment.byteSize())
              + " a network card or a socket writes",
          "Use Engine.allocate, Arena.allocate, or a direct ByteBuffer");
    }
    if (!segment.scope().isAlive()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "The segment at 0x%x belongs to an arena that is closed".formatted(segment.address()),
          "Keep the arena open until the memory is unregistered");
    }
    return segment;
  }

  /**
   * {@return the bytes from position to limit of a direct buffer}
   *
   * @param buffer a direct buffer
   * @throws TransferException for a heap buffer, saying what to use
   */
  public static MemorySegment require(ByteBuffer buffer) {
    if (!buffer.isDirect()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "A heap buffer of %d bytes has no fixed address: the garbage collector moves it while a"
                  .formatted(buffer.remaining())
              + " network card or a socket writes",
          "Use ByteBuffer.allocateDirect or Engine.allocate");
    }
    if (buffer.isReadOnly()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "The buffer of %d bytes is read-only".formatted(buffer.remaining()),
          "Hand in the buffer that it was made from");
    }
    return MemorySegment.ofBuffer(buffer);
  }
}
