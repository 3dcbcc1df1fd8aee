// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.device.DeviceBytes;
import io.transferengine.device.Devices;
import io.transferengine.memory.MemoryAccess;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import java.util.function.BiConsumer;
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
    if (!onDevice(
        address,
        length,
        (held, release) -> devices.copyIn(source, held.kind(), address, length, release))) {
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
        (held, release) -> {
          byte[] made;
          try {
            made = new byte[length];
          } catch (Throwable t) {
            release.run();
            throw t;
          }
          bytes[0] = made;
          devices.copyOut(held.kind(), address, made, length, release);
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

  /**
   * {@return whether it is a device's memory, and the action was run}
   *
   * @param action has the second one run when it does not use the memory any more, once
   */
  private boolean onDevice(long address, long length, BiConsumer<Region, Runnable> action) {
    Region region = regions.find(address, length);
    if (region == null || region.isTouchable()) {
      return false;
    }
    Runnable release = region::release;
    if (!region.acquire(address, length)) {
      throw TransferErrors.notRegistered(address, length);
    }
    action.accept(region, release);
    return true;
  }

  /** Nothing is copied any more. */
  @Override
  public void close() {
    devices.close();
  }
}
