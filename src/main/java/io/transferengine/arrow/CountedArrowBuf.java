// SPDX-License-Identifier: Apache-2.0
package io.transferengine.arrow;

import io.transferengine.buffers.CountedBuffer;
import io.transferengine.transfer.Operation;
import java.util.Objects;
import org.apache.arrow.memory.ArrowBuf;

/** The range of a buffer that a transfer in some direction uses. */
final class CountedArrowBuf implements CountedBuffer {
  private final ArrowBuf buffer;
  private final Operation operation;
  private final long index;
  private final long length;

  CountedArrowBuf(ArrowBuf buffer, Operation operation) {
    this.buffer = Objects.requireNonNull(buffer, "buffers must not contain null");
    this.operation = operation;
    boolean reads = operation == Operation.READ;
    index = reads ? buffer.writerIndex() : buffer.readerIndex();
    length = reads ? buffer.writableBytes() : buffer.readableBytes();
  }

  long address() {
    return buffer.memoryAddress() + index;
  }

  long length() {
    return length;
  }

  @Override
  public void retain() {
    buffer.getReferenceManager().retain();
  }

  @Override
  public void release() {
    var _ = buffer.getReferenceManager().release();
  }

  @Override
  public void moved() {
    if (operation == Operation.READ) {
      buffer.writerIndex(index + length);
    } else {
      buffer.readerIndex(index + length);
    }
  }
}
