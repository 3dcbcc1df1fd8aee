// SPDX-License-Identifier: Apache-2.0
package io.transferengine.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.transferengine.Engine;
import io.transferengine.Registration;
import io.transferengine.RegistrationOptions;
import io.transferengine.buffers.CountedBuffer;
import io.transferengine.buffers.RegisteredMemory;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Registers the memory of an allocator that a program already has, chunk by chunk, each of them
 * once: a chunk is some megabytes, and registering thousands of buffers would take longer than
 * moving them.
 *
 * <p>Of {@code PooledByteBufAllocator}, and of Netty's wrappers around its buffers, the whole chunk
 * is registered. Of any other buffer it is the buffer's own memory.
 *
 * <p>A buffer of each chunk stays retained until {@link #close}. That keeps the chunk as long as
 * the buffer stays in it: a buffer that grows, or is given another capacity, moves to other memory
 * however many users it has, and Netty may free what was registered. So the first buffer of each
 * chunk must not do that before {@link #close}. One whose own memory would be registered is refused
 * if it can grow: make it with {@code directBuffer(n, n)}, and never change its capacity. For the
 * chunks of a pool it is best to register a small buffer of that kind first. Thread-safe.
 */
public final class ByteBufArenas implements AutoCloseable {
  private final RegisteredMemory memory;

  /**
   * Registers with an engine.
   *
   * @param engine the engine, which must be closed later than this
   * @param options what peers may do with the memory, and where it is
   */
  public ByteBufArenas(Engine engine, RegistrationOptions options) {
    memory = new RegisteredMemory(engine, options);
  }

  /**
   * Registers the chunk of a buffer, if that has not been done yet. Nobody else may use the buffer
   * meanwhile.
   *
   * @param buffer a direct buffer
   * @return whether the chunk is new
   * @throws TransferException as {@link Engine#register(MemorySegment, RegistrationOptions)}, for a
   *     buffer on the heap, for one that is composed of others: register these, and for one of no
   *     pool that can grow, if its memory is new
   */
  public boolean register(ByteBuf buffer) {
    Objects.requireNonNull(buffer, "buffer must not be null");
    ByteBuf root = root(buffer);
    MemorySegment chunk = chunk(root);
    return memory.register(chunk.address(), chunk.byteSize(), new Kept(root, chunk.byteSize()));
  }

  /** {@return what a slice, a duplicate or a view is of; the buffer itself if it is none} */
  private static ByteBuf root(ByteBuf buffer) {
    ByteBuf root = buffer;
    for (ByteBuf next = root.unwrap(); next != null; next = root.unwrap()) {
      root = next;
    }
    return root;
  }

  /**
   * The internal NIO buffer of a pooled buffer is as large as its chunk: only its position and
   * limit are the buffer's. Of others it is as large as the buffer.
   */
  private static MemorySegment chunk(ByteBuf buffer) {
    // Parts of a composed buffer come and go, even where there is only one now.
    if (!buffer.isDirect() || buffer.nioBufferCount() != 1 || buffer instanceof CompositeByteBuf) {
      throw ByteBufs.refused(
          buffer, "is not one piece of direct memory", "Register direct buffers, one by one");
    }
    ByteBuffer whole = buffer.internalNioBuffer(buffer.readerIndex(), 0).duplicate();
    return MemorySegment.ofBuffer(whole.clear());
  }

  private record Kept(ByteBuf buffer, long chunkBytes) implements CountedBuffer {
    /** For a new chunk only. */
    @Override
    public void retain() {
      boolean isPart =
          buffer.alloc() instanceof PooledByteBufAllocator && buffer.capacity() < chunkBytes;
      if (!isPart && buffer.maxCapacity() > buffer.capacity()) {
        throw ByteBufs.refused(
            buffer,
            "can grow, and its registered memory would be freed",
            "Make it with directBuffer(n, n)");
      }
      buffer.retain();
    }

    @Override
    public void release() {
      buffer.release();
    }

    @Override
    public void moved() {}
  }

  /** {@return the number of chunks} */
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

  /** {@return how many chunks there are} */
  @Override
  public String toString() {
    return memory.toString();
  }
}
