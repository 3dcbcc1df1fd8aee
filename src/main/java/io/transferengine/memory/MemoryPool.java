// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.lang.foreign.MemorySegment;

/** Managed memory. */
@SuppressWarnings("DoNotCallSuggester")
public final class MemoryPool implements AutoCloseable {
  /** A pool that hands out at most {@code limitBytes}. */
  public MemoryPool(long limitBytes, String location, RegionRegistrar registrar) {}

  /** Allocates. */
  public MemorySegment allocate(long lengthBytes) {
    throw new UnsupportedOperationException("not yet " + lengthBytes);
  }

  /** Frees. */
  public void free(long address, long lengthBytes) {
    throw new UnsupportedOperationException("not yet " + address + lengthBytes);
  }

  /** {@return whether {@code address} lies inside a pool} */
  public boolean owns(long address) {
    throw new UnsupportedOperationException("not yet " + address);
  }

  /** {@return the bytes asked for and not freed} */
  public long usedBytes() {
    throw new UnsupportedOperationException("not yet");
  }

  /** {@return the bytes taken from the system} */
  public long reservedBytes() {
    throw new UnsupportedOperationException("not yet");
  }

  /** {@return the number of registered pools} */
  public int poolCount() {
    throw new UnsupportedOperationException("not yet");
  }

  /** Idempotent. */
  @Override
  public void close() {}
}
