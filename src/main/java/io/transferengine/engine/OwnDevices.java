// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.device.Devices;
import io.transferengine.device.EventWaits;
import io.transferengine.device.StreamGates;

/** The devices of an engine, and how its transfers keep step with work on them. Thread-safe. */
final class OwnDevices implements AutoCloseable {
  private final Devices devices;
  private final EventWaits waits;
  private final StreamGates gates;

  OwnDevices(Devices devices) {
    this.devices = devices;
    this.waits = new EventWaits(devices);
    this.gates = new StreamGates(devices);
  }

  /** {@return those who wait for events} */
  EventWaits waits() {
    return waits;
  }

  /** {@return the streams that wait for transfers} */
  StreamGates gates() {
    return gates;
  }

  /** Closes the devices, behind all that uses them. Idempotent. */
  @Override
  public void close() {
    // No list of failures: the heap may be full.
    try {
      waits.close();
    } finally {
      try {
        gates.close();
      } finally {
        devices.close();
      }
    }
  }
}
