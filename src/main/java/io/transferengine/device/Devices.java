// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import io.transferengine.logging.Failures;
import io.transferengine.memory.MemoryKind;
import io.transferengine.os.MappedLibraries;
import io.transferengine.transfer.TransferException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * The devices that an engine uses: each is opened when its memory is first named. The driver is
 * looked for then, and not before.
 *
 * <p>Thread-safe.
 */
public final class Devices implements AutoCloseable {
  static final DeviceLoader LOADER = new DeviceLoader("libcuda.so.1");

  /** As in a location: {@code cuda:0}. */
  private static final String TYPE = "cuda";

  private final Supplier<DeviceLibrary> library;
  private final BooleanSupplier inUse;

  /** Read without the lock, which is held while one is opened: that takes long. */
  private final Map<Integer, Device> opened = new ConcurrentHashMap<>();

  private boolean closed;
  private boolean staysOpen;

  /** Those of this machine's driver. */
  public Devices() {
    this(LOADER::library, () -> LOADER.isLoaded() || MappedLibraries.contains("libcuda.so"));
  }

  /**
   * Devices of a library.
   *
   * @param library asked when the first device is opened; throws {@link TransferException} if there
   *     is none
   */
  public Devices(Supplier<DeviceLibrary> library) {
    this(library, () -> true);
  }

  private Devices(Supplier<DeviceLibrary> library, BooleanSupplier inUse) {
    this.library = library;
    this.inUse = inUse;
  }

  /** {@return why this machine's devices cannot be used, and the remedy; empty if they can} */
  public static Optional<String> unavailabilityCause() {
    return LOADER.unavailabilityCause();
  }

  /** {@return why there is no driver with a device; empty if there is; looks for it} */
  public Optional<TransferException> absence() {
    try {
      var _ = library.get();
      return Optional.empty();
    } catch (TransferException absent) {
      return Optional.of(absent);
    }
  }

  /**
   * {@return whether this process has loaded the driver, be it for somebody else} Without it nobody
   * can have memory of a device. Takes about a millisecond.
   */
  public boolean areInUse() {
    return inUse.getAsBoolean();
  }

  /**
   * {@return the location of the device whose memory an address belongs to; empty if it is no
   * device's} No device is opened.
   *
   * @throws TransferException if the driver cannot be asked
   */
  public Optional<String> locationOf(long address) {
    DeviceLibrary driver = library.get();
    try {
      OptionalLong type = driver.pointerAttribute(Cuda.CU_POINTER_ATTRIBUTE_MEMORY_TYPE(), address);
      if (type.isEmpty() || type.getAsLong() != Cuda.CU_MEMORYTYPE_DEVICE()) {
        return Optional.empty();
      }
      OptionalLong ordinal =
          driver.pointerAttribute(Cuda.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL(), address);
      return ordinal.isEmpty() ? Optional.empty() : Optional.of(TYPE + ":" + ordinal.getAsLong());
    } catch (DeviceException e) {
      throw DeviceErrors.failed(TYPE, e);
    }
  }

  /** {@return whether memory of a kind is that of a device that this package knows} */
  public static boolean isKnown(MemoryKind kind) {
    return kind instanceof MemoryKind.Device device && device.type().equals(TYPE);
  }

  /**
   * {@return the device that memory of a kind belongs to, open}
   *
   * @throws TransferException if there is no driver, or no such device
   */
  public Device of(MemoryKind kind) {
    if (!(kind instanceof MemoryKind.Device device) || !isKnown(kind)) {
      throw DeviceErrors.unknown(kind);
    }
    Device there = opened.get(device.ordinal());
    if (there != null) {
      return there;
    }
    synchronized (this) {
      if (closed) {
        throw DeviceErrors.closed();
      }
      Device known = opened.get(device.ordinal());
      if (known == null) {
        known = Device.open(library.get(), device.ordinal());
        try {
          opened.put(device.ordinal(), known);
        } catch (Throwable t) {
          known.close();
          throw t;
        }
      }
      return known;
    }
  }

  /**
   * {@return a device that is open and not lost: that of an ordinal, if it is, else any} None is
   * opened.
   */
  public Optional<Device> open(int ordinal) {
    Device found = opened.get(ordinal);
    if (found == null || found.isLost()) {
      found = null;
      for (Device each : opened.values()) {
        if (!each.isLost()) {
          found = each;
          break;
        }
      }
    }
    return Optional.ofNullable(found);
  }

  /** Waits for all copies that are under way. No others can be made, and no device is opened. */
  public void drain() {
    List<Device> all;
    synchronized (this) {
      closed = true;
      all = List.copyOf(opened.values());
    }
    Failures failures = new Failures();
    all.forEach(device -> failures.attempt(device::drain));
    failures.throwIfAny();
  }

  /**
   * Something that uses a device does not end. {@link #close} then gives no device back, so that
   * what is under way, or open of other processes, keeps its context.
   */
  public synchronized void leaveOpen() {
    staysOpen = true;
  }

  /** Closes all devices, unless they are to be {@link #leaveOpen left open}. Idempotent. */
  @Override
  public void close() {
    List<Device> all;
    synchronized (this) {
      closed = true;
      if (staysOpen) {
        return;
      }
      all = List.copyOf(opened.values());
      opened.clear();
    }
    Failures failures = new Failures();
    all.forEach(device -> failures.attempt(device::close));
    failures.throwIfAny();
  }
}
