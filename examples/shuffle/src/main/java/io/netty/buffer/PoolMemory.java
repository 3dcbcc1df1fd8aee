// SPDX-License-Identifier: Apache-2.0
package io.netty.buffer;

import java.nio.ByteBuffer;

/**
 * The memory that a pooled buffer is a part of. Netty does not tell it, but to its own package; so
 * this class is in that, which works on the class path only.
 */
public final class PoolMemory {
  private PoolMemory() {}

  /** The chunk of the arena, as one direct buffer. */
  public static ByteBuffer of(ByteBuf buffer) {
    ByteBuf inner = buffer;
    while (!(inner instanceof PooledByteBuf<?>) && inner.unwrap() != null) {
      inner = inner.unwrap();
    }
    if (inner instanceof PooledByteBuf<?> pooled
        && pooled.chunk.memory instanceof ByteBuffer memory
        && memory.isDirect()) {
      return memory.duplicate().clear();
    }
    throw new IllegalArgumentException(buffer + " is not of an arena of direct memory");
  }
}
