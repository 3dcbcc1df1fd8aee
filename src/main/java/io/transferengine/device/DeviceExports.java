// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import io.transferengine.logging.Anyway;
import io.transferengine.os.ReservedMemory;
import io.transferengine.transfer.TransferException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What network cards need of CUDA devices: where these are on the PCI bus, and handles of their
 * memory. Nothing stays open between calls: a device's context is held by whoever has memory there.
 *
 * <p>The driver is looked for at the first call. Thread-safe.
 */
public final class DeviceExports {
  private static final Logger log = LoggerFactory.getLogger(DeviceExports.class);

  /** What to do where a network card reaches no memory of a device. */
  public static final String PEER_MEMORY_REMEDY =
      "modprobe nvidia_peermem; or, for dma-bufs, NVIDIA's open kernel modules with Linux 5.12 and"
          + " rdma-core 34 or newer. MC_TE_FILTERS leaves out a network card that can do neither";

  /** The second is what the module was called before it came with the driver. */
  private static final List<String> PEER_MODULES = List.of("nvidia_peermem", "nv_peer_mem");

  private final Supplier<DeviceLibrary> library;

  /** Of this machine's driver. */
  public DeviceExports() {
    this(Devices.LOADER::library);
  }

  /**
   * Of a library.
   *
   * @param library asked at each call; throws {@link TransferException} if there is none
   */
  public DeviceExports(Supplier<DeviceLibrary> library) {
    this.library = library;
  }

  /** Calls of the driver that need a context. */
  private interface Calls {
    void run(DeviceLibrary driver, long context);
  }

  private static int handle(DeviceLibrary driver, int ordinal) {
    int count = driver.count();
    if (ordinal >= count) {
      throw DeviceErrors.noSuch(ordinal, count);
    }
    return driver.device(ordinal);
  }

  /** Runs calls with a device's context, which the thread has only meanwhile. */
  private static void within(DeviceLibrary driver, int ordinal, Calls calls) {
    try {
      int handle = handle(driver, ordinal);
      long context = driver.retainContext(handle);
      try {
        driver.pushContext(context);
        try {
          calls.run(driver, context);
        } finally {
          driver.popContext();
        }
      } finally {
        driver.releaseContext(handle);
      }
    } catch (DeviceException e) {
      throw DeviceErrors.failed("cuda:" + ordinal, e);
    }
  }

  /**
   * {@return how many devices this process sees, at least one}
   *
   * @throws TransferException if there is no driver with a device
   */
  public int count() {
    DeviceLibrary driver = library.get();
    try {
      return driver.count();
    } catch (DeviceException e) {
      throw DeviceErrors.failed("cuda", e);
    }
  }

  /** {@return the newest CUDA that the driver knows: {@code 13.0}} */
  public String cudaVersion() {
    DeviceLibrary driver = library.get();
    try {
      int version = driver.version();
      return version / 1000 + "." + version % 1000 / 10;
    } catch (DeviceException e) {
      throw DeviceErrors.failed("cuda", e);
    }
  }

  /** {@return what a device is called} */
  public String model(int ordinal) {
    DeviceLibrary driver = library.get();
    try {
      return driver.name(handle(driver, ordinal));
    } catch (DeviceException e) {
      throw DeviceErrors.failed("cuda:" + ordinal, e);
    }
  }

  /**
   * {@return the address on the PCI bus, as the name of a folder in {@code /sys/bus/pci/devices}}
   *
   * @param ordinal from 0, as this process counts its devices
   * @throws TransferException if there is no driver, or no such device
   */
  public String pciAddress(int ordinal) {
    DeviceLibrary driver = library.get();
    try {
      int handle = handle(driver, ordinal);
      return "%04x:%02x:%02x.0"
          .formatted(
              driver.attribute(Cuda.CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID(), handle),
              driver.attribute(Cuda.CU_DEVICE_ATTRIBUTE_PCI_BUS_ID(), handle),
              driver.attribute(Cuda.CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID(), handle));
    } catch (DeviceException e) {
      throw DeviceErrors.failed("cuda:" + ordinal, e);
    }
  }

  /**
   * Checks that a range is memory of a device, allocated and not freed.
   *
   * @throws TransferException that says what it is instead, or what the driver says
   */
  public void require(int ordinal, long address, long length) {
    within(
        library.get(),
        ordinal,
        (driver, context) -> DeviceRange.require(driver, ordinal, context, address, length));
  }

  /**
   * Sees to it that copies which the program makes there by synchronous calls are over when these
   * return, so that a network card sends what they have written.
   *
   * @throws TransferException if the driver refuses, as for memory of some allocators
   */
  public void synchronizeCopies(int ordinal, long address) {
    within(library.get(), ordinal, (driver, _) -> driver.synchronizeCopies(address));
  }

  /**
   * {@return whether a device sees what network cards write to its memory as soon as they say so}
   * Drivers before CUDA 11.3 do not tell: then it is taken for granted, as they did.
   */
  public boolean seesWritesInOrder(int ordinal) {
    DeviceLibrary driver = library.get();
    try {
      int ordering = Cuda.CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WRITES_ORDERING();
      return driver.attribute(ordering, handle(driver, ordinal))
          >= Cuda.CU_GPU_DIRECT_RDMA_WRITES_ORDERING_OWNER();
    } catch (DeviceException e) {
      if (e.code() == Cuda.CUDA_ERROR_INVALID_VALUE()) {
        return true;
      }
      throw DeviceErrors.failed("cuda:" + ordinal, e);
    }
  }

  /** {@return whether {@link #flush} is there for a device} */
  public boolean canFlush(int ordinal) {
    DeviceLibrary driver = library.get();
    try {
      int options = Cuda.CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_FLUSH_WRITES_OPTIONS();
      int host = Cuda.CU_FLUSH_GPU_DIRECT_RDMA_WRITES_OPTION_HOST();
      return driver.hasFlush() && (driver.attribute(options, handle(driver, ordinal)) & host) != 0;
    } catch (DeviceException e) {
      throw DeviceErrors.failed("cuda:" + ordinal, e);
    }
  }

  /**
   * Waits until a device sees what network cards have written to its memory so far, microseconds.
   *
   * @throws TransferException if the driver refuses
   */
  public void flush(int ordinal) {
    within(library.get(), ordinal, (driver, _) -> driver.flushWrites());
  }

  /**
   * {@return why libibverbs takes no addresses of devices as those of host memory; empty if it may}
   *
   * @param sysRoot {@code /sys}, or a folder that looks like it
   */
  public static String whyNoPeerMemory(Path sysRoot) {
    boolean loaded =
        PEER_MODULES.stream().anyMatch(name -> Files.exists(sysRoot.resolve("module", name)));
    return loaded ? "" : "the module nvidia_peermem is not loaded";
  }

  /**
   * {@return why no memory of a device can be registered as a dma-buf; empty if it may}
   *
   * @param taken whether libibverbs knows dma-bufs
   */
  public String whyNoDmaBufs(boolean taken, int ordinal) {
    if (!taken) {
      return "this libibverbs is older than rdma-core 34";
    }
    try {
      DeviceLibrary driver = library.get();
      if (!driver.hasDmaBufs()) {
        return "NVIDIA's driver is older than CUDA 11.7, and exports none";
      }
      int supported =
          driver.attribute(Cuda.CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED(), handle(driver, ordinal));
      return supported == 0
          ? "NVIDIA's driver exports none here; its open kernel modules do, on a kernel that has"
              + " dma-bufs"
          : "";
    } catch (DeviceException e) {
      return String.valueOf(e.getMessage());
    } catch (TransferException absent) {
      return String.valueOf(absent.getMessage());
    }
  }

  /**
   * {@return a range of a device's memory for network cards, together with what else is in its
   * pages}
   *
   * @throws TransferException if it cannot be exported
   */
  public DmaBuf export(int ordinal, long address, long length) {
    long page = ReservedMemory.pageBytes();
    long start = address & -page;
    long bytes = (address - start + length + page - 1) & -page;
    DeviceLibrary driver = library.get();
    int[] descriptor = {-1};
    try {
      within(driver, ordinal, (calls, _) -> descriptor[0] = calls.exportDmaBuf(start, bytes));
      return new DmaBuf(driver, descriptor[0], start);
    } catch (Throwable t) {
      if (descriptor[0] >= 0) {
        Anyway.run(log, "Closing a dma-buf", () -> driver.closeDmaBuf(descriptor[0]));
      }
      throw t;
    }
  }
}
