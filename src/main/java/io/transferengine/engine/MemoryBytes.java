// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.device.DeviceBytes;
import io.transferengine.device.Devices;
import io.transferengine.memory.MemoryAccess;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Copies between arrays and the memory of an engine, be it host memory or a device's. That of a
 * device is copied by way of the device, piece by piece, and the call waits for it. Thread-safe.
 */
public final class MemoryBytes implements AutoCloseable {
  /** Lets the processor at host memory. */
  interface Host {
    /** Runs an action on a range, which cannot be taken back meanwhile. */
    <T> T access(long address, long length, Function<Region, T> action);
  }

  private final Host memory;
  private final RegionTable regions;
  private final DeviceBytes devices;

  MemoryBytes(Host memory, RegionTable regions, Devices devices) {
    this.memory = memory;
    this.regions = regions;
    this.devices = new DeviceBytes(devices);
  }

  /**
   * Copies the first bytes of an array to an address.
   *
   * @param length above 0
   * @throws io.transferengine.transfer.TransferException ADDRESS_NOT_REGISTERED for memory that is
   *     not the engine's, and what the device says
   */
  public void write(long address, byte[] source, int length) {
    if (!onDevice(address, length, held -> devices.copyIn(source, held.kind(), address, length))) {
      var _ =
          memory.access(
              address,
              length,
              held -> {
                MemoryAccess.copyIn(source, 0, held, address, length);
                return 0;
              });
    }
  }

  /** {@return the bytes at an address; as {@link #write}} */
  public byte[] read(long address, int length) {
    byte[][] bytes = new byte[1][];
    if (!onDevice(
        address,
        length,
        held -> {
          bytes[0] = new byte[length];
          devices.copyOut(held.kind(), address, bytes[0], length);
        })) {
      bytes[0] =
          memory.access(
              address,
              length,
              held -> {
                byte[] copy = new byte[length];
                MemoryAccess.copyOut(held, address, copy, 0, length);
                return copy;
              });
    }
    return bytes[0];
  }

  /** {@return whether it is a device's memory, and the action was run} */
  private boolean onDevice(long address, long length, Consumer<Region> action) {
    Region region = regions.find(address, length);
    if (region == null || region.isTouchable()) {
      return false;
    }
    if (!region.acquire(address, length)) {
      throw TransferErrors.notRegistered(address, length);
    }
    try {
      action.accept(region);
      return true;
    } finally {
      region.release();
    }
  }

  /** Nothing is copied any more. */
  @Override
  public void close() {
    devices.close();
  }
}
