// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Turns the callers' memory into addresses, and refuses memory without a fixed one.
 *
 * <p>A segment of a confined arena is accepted only on the arena's own thread, as everywhere in
 * Java. The engine's threads use the memory by its address, which no arena can see. So do not close
 * an arena, of whatever kind, while its memory is registered: the engine may still use it.
 */
public final class NativeMemory {
  private NativeMemory() {}

  /**
   * {@return the segment itself, after checks that it is native, alive, and accessible by this
   * thread}
   *
   * @param segment off-heap memory, which may be read-only
   * @throws TransferException for heap memory, for memory of a closed arena or of another thread's
   *     confined arena; says what to use
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
          "The segment at 0x%x belongs to a closed arena".formatted(segment.address()),
          "Keep the arena open until the memory is unregistered");
    }
    if (!segment.isAccessibleBy(Thread.currentThread())) {
      throw refused(
          "The segment at 0x%x belongs to a confined arena of another thread"
              .formatted(segment.address()),
          "Pass it on that thread, or use Arena.ofShared");
    }
    return segment;
  }

  /**
   * {@return as {@link #source(MemorySegment)}, after a check that it is writable too}
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
   * @throws TransferException for a heap buffer, and as {@link #source(MemorySegment)}; says what
   *     to use
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
   * {@return as {@link #source(ByteBuffer)}, after a check that it is writable too}
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
        "The %s of %d bytes is read-only, but must be writable here".formatted(what, bytes),
        "Pass the " + what + " that it was made from");
  }

  private static TransferException refused(String what, String remedy) {
    return new TransferException(ErrorCode.INVALID_ARGUMENT, what, remedy);
  }
}
