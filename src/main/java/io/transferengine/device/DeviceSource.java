// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.MemorySource;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;

/**
 * Memory of one device, for a {@link io.transferengine.memory.MemoryPool}. The device is opened
 * when the first slab is taken.
 */
public final class DeviceSource implements MemorySource {
  private final Devices devices;
  private final MemoryKind.Device kind;

  /**
   * Nothing taken yet.
   *
   * @param kind which device's memory
   */
  public DeviceSource(Devices devices, MemoryKind.Device kind) {
    this.devices = devices;
    this.kind = kind;
  }

  @Override
  public String location() {
    return kind.location();
  }

  @Override
  public MemoryKind kind() {
    return kind;
  }

  @Override
  public Slab take(long bytes) {
    Device device = devices.of(kind);
    long address;
    try {
      address = device.allocateZeroed(bytes);
    } catch (TransferException e) {
      if (e.getCause() instanceof DeviceException why && why.isOutOfMemory()) {
        OutOfMemoryError full = new OutOfMemoryError(e.getMessage());
        full.initCause(e);
        throw full;
      }
      throw e;
    }
    try {
      return new Taken(device, address, bytes);
    } catch (Throwable t) {
      device.free(address);
      throw t;
    }
  }

  private record Taken(Device device, long address, long bytes) implements Slab {
    @Override
    public MemorySegment part(long offset, long length) {
      return MemorySegment.ofAddress(address + offset);
    }

    /** What a lost device had is gone with its context. */
    @Override
    public void giveBack() {
      if (!device.isLost()) {
        device.free(address);
      }
    }
  }
}
