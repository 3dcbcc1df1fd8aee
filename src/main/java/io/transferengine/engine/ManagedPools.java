// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.device.DeviceSource;
import io.transferengine.device.Devices;
import io.transferengine.logging.Failures;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.MemoryPool;
import io.transferengine.memory.RegionRegistrar;
import io.transferengine.metrics.Gauge;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ObjLongConsumer;

/**
 * The pools of managed memory: one of host memory, and one for each device of which some was asked
 * for. What a device can give is the limit of its pool. Thread-safe.
 */
final class ManagedPools {
  private final MemoryPool host;
  private final Devices devices;
  private final RegionRegistrar registrar;
  private final Map<MemoryKind, MemoryPool> ofDevices = new ConcurrentHashMap<>();

  /** Guarded by this. */
  private boolean closed;

  ManagedPools(MemoryPool host, Devices devices, RegionRegistrar registrar) {
    this.host = host;
    this.devices = devices;
    this.registrar = registrar;
  }

  /** {@return that of host memory} */
  MemoryPool ofHost() {
    return host;
  }

  /** Measures what was taken, and what is in use of it. */
  void measure(ObjLongConsumer<Gauge> to) {
    to.accept(Gauge.MANAGED_POOLS, host.poolCount());
    to.accept(Gauge.MANAGED_BYTES_RESERVED, host.reservedBytes());
    to.accept(Gauge.MANAGED_BYTES_IN_USE, host.usedBytes());
    for (MemoryPool each : ofDevices.values()) {
      to.accept(Gauge.MANAGED_DEVICE_BYTES_RESERVED, each.reservedBytes());
      to.accept(Gauge.MANAGED_DEVICE_BYTES_IN_USE, each.usedBytes());
    }
  }

  /**
   * {@return the pool that has memory of a kind}
   *
   * @throws TransferException for memory of devices that this library cannot allocate
   */
  MemoryPool of(MemoryKind kind) {
    if (kind.isHost()) {
      return host;
    }
    MemoryPool there = ofDevices.get(kind);
    return there != null ? there : made(kind);
  }

  private synchronized MemoryPool made(MemoryKind kind) {
    if (closed) {
      throw TransferErrors.closedEngine();
    }
    if (!(kind instanceof MemoryKind.Device device) || !Devices.isKnown(kind)) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          "This library allocates no " + kind,
          "Allocate it with the device's own library, and register it");
    }
    MemoryPool there = ofDevices.get(kind);
    if (there == null) {
      there = new MemoryPool(Long.MAX_VALUE, new DeviceSource(devices, device), registrar);
      ofDevices.put(kind, there);
    }
    return there;
  }

  /** {@return the pool that an address belongs to; that of host memory for one of none} */
  MemoryPool at(long address) {
    if (ofDevices.isEmpty()) {
      return host; // and takes no memory to find that out
    }
    for (MemoryPool each : ofDevices.values()) {
      if (each.owns(address)) {
        return each;
      }
    }
    return host;
  }

  /** Gives all memory back, handed out or not, until {@code endNanos}. */
  void closeBy(long endNanos) {
    synchronized (this) {
      closed = true;
    }
    try {
      // First, and as it is: the heap may be full.
      host.closeBy(endNanos);
    } finally {
      if (!ofDevices.isEmpty()) {
        closeDevicesBy(endNanos);
      }
    }
  }

  private void closeDevicesBy(long endNanos) {
    Failures failures = new Failures();
    ofDevices.values().forEach(each -> failures.attempt(() -> each.closeBy(endNanos)));
    failures.throwIfAny();
  }
}
