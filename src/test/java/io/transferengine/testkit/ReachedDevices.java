// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.device.SimulatedDevices;
import io.transferengine.verbs.SimulatedFabric;
import java.lang.foreign.MemorySegment;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Simulated devices as the simulated network cards reach them. */
public final class ReachedDevices implements SimulatedFabric.DeviceMemory {
  private final SimulatedDevices devices;
  private final BooleanSupplier dmaBufs;

  /**
   * Reaches what there is on devices.
   *
   * @param dmaBufs whether libibverbs takes dma-bufs
   */
  public ReachedDevices(SimulatedDevices devices, BooleanSupplier dmaBufs) {
    this.devices = devices;
    this.dmaBufs = dmaBufs;
  }

  @Override
  public boolean hasDmaBufs() {
    return dmaBufs.getAsBoolean();
  }

  @Override
  public boolean isExported(int fd, long offset, long lengthBytes) {
    return devices.isExported(fd, offset, lengthBytes);
  }

  @Override
  public @Nullable MemorySegment at(long address, long lengthBytes) {
    return devices.contents(address, lengthBytes);
  }

  @Override
  public @Nullable MemorySegment into(long address, long lengthBytes) {
    return devices.arriving(address, lengthBytes);
  }
}
