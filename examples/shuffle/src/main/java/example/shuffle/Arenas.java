// SPDX-License-Identifier: Apache-2.0
package example.shuffle;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PoolMemory;
import io.transferengine.Engine;
import io.transferengine.Registration;
import io.transferengine.RegistrationOptions;
import io.transferengine.access.AccessRights;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/**
 * Registers the memory of an allocator that the program already has, chunk by chunk, each of them
 * once: not each buffer. A chunk is some megabytes; registering thousands of buffers would take
 * longer than moving them.
 *
 * <p>Netty gives a chunk back when no buffer of it is left, and does not say so. So the first
 * buffer of each chunk is kept: the chunk stays, and what is registered stays true.
 */
final class Arenas implements AutoCloseable {
  private final Engine engine;
  private final RegistrationOptions options;
  private final Map<Long, Chunk> chunks = new HashMap<>();

  private record Chunk(Registration registration, ByteBuf kept) {}

  Arenas(Engine engine, AccessRights rights) {
    this.engine = engine;
    this.options = RegistrationOptions.DEFAULT.withRights(rights);
  }

  /** Registers the chunk of a buffer, if that has not been done yet. */
  void register(ByteBuf buffer) {
    ByteBuffer memory = PoolMemory.of(buffer);
    long address = MemorySegment.ofBuffer(memory).address();
    if (!chunks.containsKey(address)) {
      chunks.put(address, new Chunk(engine.register(memory, options), buffer.retain()));
    }
  }

  int size() {
    return chunks.size();
  }

  /** The bytes of a buffer that can be read, as the library takes them. */
  static MemorySegment readable(ByteBuf buffer) {
    return MemorySegment.ofBuffer(
        buffer.internalNioBuffer(buffer.readerIndex(), buffer.readableBytes()));
  }

  @Override
  public void close() {
    for (Chunk chunk : chunks.values()) {
      chunk.registration().close();
      chunk.kept().release();
    }
    chunks.clear();
  }
}
