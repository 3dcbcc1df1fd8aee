// SPDX-License-Identifier: Apache-2.0
package io.transferengine.arrow;

import io.transferengine.Engine;
import io.transferengine.Registration;
import io.transferengine.RegistrationOptions;
import io.transferengine.buffers.RegisteredMemory;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.util.Objects;
import org.apache.arrow.memory.ArrowBuf;

/**
 * Registers the memory of Arrow's buffers, each piece once. A piece is the memory of a buffer as
 * the allocator gave it: slices of it are inside. Make one large buffer and slice it where there
 * would be thousands. Each such buffer stays retained until {@link #close}. Thread-safe.
 */
@SuppressWarnings("exports") // as in ArrowBufs
public final class ArrowMemory implements AutoCloseable {
  private final RegisteredMemory memory;

  /**
   * Registers with an engine.
   *
   * @param engine the engine, which must be closed later than this
   * @param options what peers may do with the memory, and where it is
   */
  public ArrowMemory(Engine engine, RegistrationOptions options) {
    memory = new RegisteredMemory(engine, options);
  }

  /**
   * Registers the memory of a buffer, unless it is part of what is registered here already.
   *
   * @param buffer a buffer as an allocator gave it
   * @return whether it is new
   * @throws TransferException as {@link Engine#register(long, long, RegistrationOptions)}
   */
  public boolean register(ArrowBuf buffer) {
    Objects.requireNonNull(buffer, "buffer must not be null");
    CountedArrowBuf kept = new CountedArrowBuf(buffer, Operation.WRITE);
    return memory.register(buffer.memoryAddress(), buffer.capacity(), kept);
  }

  /** {@return the number of pieces} */
  public int size() {
    return memory.size();
  }

  /**
   * Ends the registrations and releases the buffers that were kept. Idempotent.
   *
   * @throws TransferException if memory is still in use, as {@link Registration#close}
   */
  @Override
  public void close() {
    memory.close();
  }

  /** {@return how many pieces there are} */
  @Override
  public String toString() {
    return memory.toString();
  }
}
