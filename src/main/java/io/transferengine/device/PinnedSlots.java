// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Pieces of pinned host memory that the bytes of devices pass through. Pinned once, for all devices
 * of the process; never more. Thread-safe.
 */
public final class PinnedSlots implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(PinnedSlots.class);

  /** A single copy of so many bytes runs at half of the link's rate: 28 of 55 GB/s (ADR 43). */
  public static final int SLOT_BYTES = 1 << 20;

  private static final int PAGE = 4096;

  private final Device device;
  private final Arena arena = Arena.ofShared();
  private final long[] free;
  private final MemorySegment memory;
  private final long base;

  // Guarded by this.
  private int freeCount;
  private boolean closed;

  /**
   * Pins all slots.
   *
   * @param device any one
   * @param count how many there are
   */
  public PinnedSlots(Device device, int count) {
    this.device = device;
    free = new long[count];
    try {
      memory = arena.allocate((long) count * SLOT_BYTES, PAGE);
      base = memory.address();
      device.pin(base, (long) count * SLOT_BYTES);
    } catch (Throwable t) {
      arena.close();
      throw t;
    }
    for (int i = 0; i < count; i++) {
      free[i] = base + (long) i * SLOT_BYTES;
    }
    freeCount = count;
  }

  /** {@return the address of a slot, which is the caller's until it is given back; 0 for none} */
  public synchronized long take() {
    return freeCount == 0 || closed ? 0 : free[--freeCount];
  }

  /** {@return the memory of a slot, to be used while it is taken} */
  MemorySegment memory(long slot) {
    return memory.asSlice(slot - base, SLOT_BYTES);
  }

  /** Gives a slot back that nothing touches any more. */
  public synchronized void giveBack(long slot) {
    if (freeCount == free.length) {
      throw new IllegalStateException("More slots given back than taken");
    }
    free[freeCount++] = slot;
  }

  /** {@return how many are taken} */
  public synchronized int taken() {
    return free.length - freeCount;
  }

  /** {@return how many are not taken} */
  public synchronized int free() {
    return freeCount;
  }

  /** Unpins all; what is still taken keeps all of them, and so does a lost device. Idempotent. */
  @Override
  public void close() {
    int left;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      left = taken();
    }
    if (device.isLost()) {
      // What it has pinned cannot be told any more.
      return;
    }
    if (left > 0) {
      log.warn("{} slots of {} are in use at the end; their memory stays", left, device);
      return;
    }
    device.unpin(base);
    arena.close();
  }
}
