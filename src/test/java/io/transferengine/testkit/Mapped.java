// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Native memory of a test's own, unmapped by {@link #close}. */
public final class Mapped implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;

  private Mapped(long lengthBytes) {
    segment = arena.allocate(lengthBytes, 4096);
  }

  /** {@return page-aligned memory of zeros} */
  public static Mapped of(long lengthBytes) {
    return new Mapped(lengthBytes);
  }

  /** {@return memory of this process by its address} */
  @SuppressWarnings("restricted") // tests look at memory that an engine handed out as a number
  public static MemorySegment at(long address, long lengthBytes) {
    return MemorySegment.ofAddress(address).reinterpret(lengthBytes);
  }

  /** {@return all of it} */
  public MemorySegment segment() {
    return segment;
  }

  /** {@return the address of the first byte} */
  public long address() {
    return segment.address();
  }

  /** {@return the length in bytes} */
  public long length() {
    return segment.byteSize();
  }

  /** Fills all of it. */
  public Mapped fill(long seed) {
    Pattern.fill(segment, seed, 0);
    return this;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
