// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Turns the memory that callers hand in into addresses, refusing what has none.
 *
 * <p>A segment of a confined arena is taken from the arena's own thread only, as by all of Java.
 * The engine's threads use the memory by its address, which no arena can see: whoever closes an
 * arena, of whatever kind, while its memory is registered takes it away from under them.
 */
public final class NativeMemory {
  private NativeMemory() {}

  /**
   * {@return the segment itself, once it is known to be native, alive and this thread's to use}
   *
   * @param segment off-heap memory, which may be read-only
   * @throws TransferException for heap memory, a closed arena's, and another thread's confined
   *     arena's, saying what to use
   */
  public static MemorySegment source(MemorySegment segment) {
    Objects.requireNonNull(segment, "segment must not be null");
    if (!segment.isNative()) {
      throw refused(
          "A heap segment of %d bytes has no fixed address: the garbage collector moves it while"
                  .formatted(segment.byteSize())
              + " a network card or a socket writes",
          "Use Engine.allocate, Arena.allocate, or a direct ByteBuffer");
    }
    if (!segment.scope().isAlive()) {
      throw refused(
          "The segment at 0x%x belongs to an arena that is closed".formatted(segment.address()),
          "Keep the arena open until the memory is unregistered");
    }
    if (!segment.isAccessibleBy(Thread.currentThread())) {
      throw refused(
          "The segment at 0x%x belongs to a confined arena of another thread"
              .formatted(segment.address()),
          "Hand it in on that thread, or use Arena.ofShared");
    }
    return segment;
  }

  /**
   * {@return as {@link #source(MemorySegment)}, once it is known to be writable, too}
   *
   * @param segment off-heap memory
   * @throws TransferException as there, and for a read-only segment
   */
  public static MemorySegment destination(MemorySegment segment) {
    Objects.requireNonNull(segment, "segment must not be null");
    if (segment.isReadOnly()) {
      throw readOnly("segment", segment.byteSize());
    }
    return source(segment);
  }

  /**
   * {@return the bytes from position to limit of a direct buffer}
   *
   * @param buffer a direct buffer, which may be read-only
   * @throws TransferException for a heap buffer, saying what to use, and as {@link
   *     #source(MemorySegment)}
   */
  public static MemorySegment source(ByteBuffer buffer) {
    Objects.requireNonNull(buffer, "buffer must not be null");
    if (!buffer.isDirect()) {
      throw refused(
          "A heap buffer of %d bytes has no fixed address: the garbage collector moves it while a"
                  .formatted(buffer.remaining())
              + " network card or a socket writes",
          "Use ByteBuffer.allocateDirect or Engine.allocate");
    }
    return source(MemorySegment.ofBuffer(buffer));
  }

  /**
   * {@return as {@link #source(ByteBuffer)}, once it is known to be writable, too}
   *
   * @param buffer a direct buffer
   * @throws TransferException as there, and for a read-only buffer
   */
  public static MemorySegment destination(ByteBuffer buffer) {
    Objects.requireNonNull(buffer, "buffer must not be null");
    if (buffer.isReadOnly()) {
      throw readOnly("buffer", buffer.remaining());
    }
    return source(buffer);
  }

  private static TransferException readOnly(String what, long bytes) {
    return refused(
        "The %s of %d bytes is read-only, and is to be written to".formatted(what, bytes),
        "Hand in the " + what + " that it was made from");
  }

  private static TransferException refused(String what, String remedy) {
    return new TransferException(ErrorCode.INVALID_ARGUMENT, what, remedy);
  }
}
