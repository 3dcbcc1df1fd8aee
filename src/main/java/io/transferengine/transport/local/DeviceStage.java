// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.device.CopyCompletion;
import io.transferengine.device.CopyList;
import io.transferengine.device.Device;
import io.transferengine.device.PinnedSlots;
import io.transferengine.transfer.TransferException;
import org.jspecify.annotations.Nullable;

/**
 * A pinned slot that bytes pass through between memory that our devices reach and host memory, one
 * of which is the peer's. For one thread at a time, which waits for the device.
 */
final class DeviceStage implements CopyCompletion, AutoCloseable {
  private final PinnedSlots slots;
  private final long slot;

  // Guarded by this.
  private boolean copying;
  private @Nullable TransferException failure;

  /**
   * Pins the slot.
   *
   * @param device any one
   * @throws TransferException if it cannot be pinned
   */
  DeviceStage(Device device) {
    slots = new PinnedSlots(device, 1);
    slot = slots.take();
  }

  /** {@return where it is} */
  long address() {
    return slot;
  }

  /** Copies ranges that a device reaches to the slot, one behind the other. */
  void fill(Device device, CopyList list) {
    begin();
    try {
      device.copyOut(list, slot, this);
    } catch (Throwable t) {
      copied(null); // Nothing has begun.
      throw t;
    }
    await();
  }

  /** Copies from the slot to ranges that a device reaches. */
  void empty(Device device, CopyList list) {
    begin();
    try {
      device.copyIn(list, slot, this);
    } catch (Throwable t) {
      copied(null);
      throw t;
    }
    await();
  }

  private synchronized void begin() {
    copying = true;
    failure = null;
  }

  @Override
  public synchronized void copied(@Nullable TransferException why) {
    copying = false;
    failure = why;
    notifyAll();
  }

  /** As long as it takes: until then the device has the slot, and our memory. */
  private void await() {
    TransferException why;
    boolean interrupted = false;
    synchronized (this) {
      while (copying) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      why = failure;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (why != null) {
      throw why;
    }
  }

  /** Unpins the slot. */
  @Override
  public void close() {
    slots.giveBack(slot);
    slots.close();
  }
}
