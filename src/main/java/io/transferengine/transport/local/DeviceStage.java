// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.device.CopyCompletion;
import io.transferengine.device.CopyList;
import io.transferengine.device.Device;
import io.transferengine.device.PinnedSlots;
import io.transferengine.transfer.TransferException;
import org.jspecify.annotations.Nullable;

/**
 * A pinned slot that bytes of our devices pass through on their way to host memory of a peer, and
 * from it. For one thread at a time, which waits for the device.
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

  /** Copies all requests of a claim from the device that has them. */
  void fill(Device device, Claim claim) {
    CopyList list = list(claim, claim.count());
    begin();
    try {
      device.copyOut(list, slot, this);
    } catch (Throwable t) {
      copied(null); // Nothing has begun.
      throw t;
    }
    await();
  }

  /** Copies requests of a claim, the first so many, to the device that they are for. */
  void empty(Device device, Claim claim, int requests) {
    CopyList list = list(claim, requests);
    begin();
    try {
      device.copyIn(list, slot, this);
    } catch (Throwable t) {
      copied(null);
      throw t;
    }
    await();
  }

  private static CopyList list(Claim claim, int requests) {
    CopyList list = new CopyList();
    for (int i = 0; i < requests; i++) {
      list.add(claim.localOrigin(i), claim.length(i));
    }
    return list;
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
