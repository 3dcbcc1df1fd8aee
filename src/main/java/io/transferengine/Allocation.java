// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.engine.EngineCore;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Registered memory that the engine has handed out. It is the holder's until {@link #close()}; its
 * first content is whatever was there. Thread-safe.
 */
public final class Allocation implements AutoCloseable {
  private final EngineCore core;
  private final MemorySegment segment;
  private final AtomicBoolean closed = new AtomicBoolean();

  Allocation(EngineCore core, MemorySegment segment) {
    this.core = core;
    this.segment = segment;
  }

  /**
   * {@return the memory, exactly as long as was asked for}
   *
   * <p>Not to be used after {@link #close()}, and nothing checks that: the segment still reads and
   * writes what is there, which may be handed out again by then. It throws once its pool or the
   * engine is closed.
   */
  public MemorySegment segment() {
    return segment;
  }

  /** {@return its address, which peers need to reach it} */
  public long address() {
    return segment.address();
  }

  /** {@return its length in bytes} */
  public long length() {
    return segment.byteSize();
  }

  /** {@return where it is, how long it is, and whether it was closed} */
  @Override
  public String toString() {
    return "Allocation of %d bytes at 0x%x%s"
        .formatted(length(), address(), closed.get() ? ", closed" : "");
  }

  /**
   * Gives the memory back. Transfers over it get a second to end, then they are failed. Idempotent;
   * does nothing once the engine is closed, which has taken the memory back.
   *
   * <p>Afterwards peers are refused over TCP. Over RDMA the key of the pool that the memory came
   * from stays valid: a peer that still has the address can read and write what is there then. For
   * memory that must be out of reach, use {@link Engine#register(MemorySegment)}: closing the
   * registration takes the key away.
   *
   * @throws io.transferengine.transfer.TransferException when something still uses the memory some
   *     seconds later; then it is not given back, and this may be called again
   */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      boolean done = false;
      try {
        core.giveBack(() -> core.memory().free(segment.address(), segment.byteSize()));
        done = true;
      } finally {
        closed.set(done);
      }
    }
  }
}
