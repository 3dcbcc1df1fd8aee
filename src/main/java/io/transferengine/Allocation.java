// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.access.AccessRights;
import io.transferengine.engine.EngineCore;
import java.lang.foreign.MemorySegment;

/**
 * Registered memory that the engine allocated. It belongs to the caller until {@link #close()}. It
 * is not cleared. Thread-safe.
 */
public final class Allocation implements AutoCloseable {
  private final EngineCore core;
  private final MemorySegment segment;
  private final long length;
  private final String location;
  private final AccessRights rights;
  private final GivingBack givingBack = new GivingBack();

  Allocation(
      EngineCore core, MemorySegment segment, long length, String location, AccessRights rights) {
    this.core = core;
    this.segment = segment;
    this.length = length;
    this.location = location;
    this.rights = rights;
  }

  /**
   * {@return the memory, exactly as long as requested; for memory of a device a segment without
   * length at its address, since Java must not touch it}
   *
   * <p>Do not use it after {@link #close()}. Nothing checks that: the segment still reads and
   * writes that memory, which may belong to another allocation by then. It throws once its pool or
   * the engine is closed.
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
    return length;
  }

  /** {@return where it is: {@code *} for host memory, {@code cuda:N} for a device's} */
  public String location() {
    return location;
  }

  /** {@return what peers may do with the memory} */
  public AccessRights rights() {
    return rights;
  }

  /** {@return the address, the length, what peers may do unless it is all, whether it is closed} */
  @Override
  public String toString() {
    return "Allocation of %d bytes at 0x%x%s%s"
        .formatted(
            length(),
            address(),
            rights == AccessRights.READ_WRITE ? "" : ", which peers may " + rights.text(),
            givingBack.isDone() ? ", closed" : "");
  }

  /**
   * Gives the memory back. Transfers over it get a second to end, then they fail. Idempotent. Does
   * nothing once the engine is closed, which takes the memory back itself.
   *
   * <p>Afterwards peers are refused over TCP. Over RDMA the key of the memory's pool stays valid: a
   * peer that still has the address can read and write what is there then. If memory must be out of
   * reach, use {@link Engine#register(MemorySegment)}: closing the registration takes the key away.
   *
   * @throws io.transferengine.transfer.TransferException if the memory is still in use some seconds
   *     later. Then it is not given back, and this may be called again
   */
  @Override
  public void close() {
    givingBack.run(() -> core.giveBack(() -> core.memory().free(segment.address(), length)));
  }
}
