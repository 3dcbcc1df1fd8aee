// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.device.DeviceExports;
import io.transferengine.device.Devices;
import io.transferengine.device.DmaBuf;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.os.NativeCallException;
import io.transferengine.topology.RdmaDevices;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.verbs.MemoryRegion;
import io.transferengine.verbs.VerbsLibrary;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How network cards get at the memory of CUDA devices. There are two ways, tried in this order for
 * each card:
 *
 * <ol>
 *   <li>A dma-buf: the driver exports the range, and {@code ibv_reg_dmabuf_mr} takes it. NVIDIA's
 *       open kernel modules have it, the kernel from 5.12, rdma-core from 34.
 *   <li>nvidia_peermem: while this module is loaded, {@code ibv_reg_mr} takes addresses of devices.
 * </ol>
 *
 * <p>Without either the memory is not registered, and another transport moves it. Memory of other
 * makers' devices is registered as host memory is: their drivers are like the second way.
 *
 * <p>Thread-safe.
 */
final class DeviceMemory {
  private static final Logger log = LoggerFactory.getLogger(DeviceMemory.class);

  /** Not looked into: the devices are open. */
  private static final Path DEV = Path.of("/dev");

  private final VerbsLibrary library;
  private final DeviceExports exports;
  private final Path sysRoot;
  private final WarnLimiter notSynchronous = new WarnLimiter(log);
  private final DeviceArrivals arrivals;

  /**
   * Of this process.
   *
   * @param sysRoot {@code /sys}, or a folder that looks like it
   */
  DeviceMemory(VerbsLibrary library, DeviceExports exports, Path sysRoot) {
    this.library = library;
    this.exports = exports;
    this.sysRoot = sysRoot;
    this.arrivals = new DeviceArrivals(exports);
  }

  /** {@return what has arrived there} */
  DeviceArrivals arrivals() {
    return arrivals;
  }

  /** How a region is registered, as long as that takes. */
  interface Way extends AutoCloseable {
    /**
     * {@return a range of the region, registered} May be called by several threads at once.
     *
     * @throws NativeCallException if the device refuses
     * @throws TransferException if it does, and there is more to say
     */
    MemoryRegion register(RdmaDevice device, long address, long length, int access);

    /** All of it is registered everywhere. */
    default void registered() {}

    /** Throws nothing. */
    @Override
    default void close() {}
  }

  private static final Way AS_IT_IS =
      (device, address, length, access) ->
          device.protectionDomain().register(address, length, access);

  /**
   * {@return the way of a region's memory to the network cards}
   *
   * @throws TransferException if it is not the memory that its location says
   */
  Way open(Region region) {
    if (!(region.kind() instanceof MemoryKind.Device kind) || !Devices.isKnown(kind)) {
      return AS_IT_IS;
    }
    exports.require(kind.ordinal(), region.address(), region.length());
    arrivals.ask(kind);
    String whyNot = exports.whyNoDmaBufs(library.hasDmabufMr(), kind.ordinal());
    DmaBuf exported = null;
    if (whyNot.isEmpty()) {
      try {
        exported = exports.export(kind.ordinal(), region.address(), region.length());
      } catch (TransferException e) {
        whyNot = String.valueOf(e.getMessage());
      }
    }
    try {
      return new CudaWay(kind, region.address(), exported, whyNot);
    } catch (Throwable t) {
      close(exported);
      throw t;
    }
  }

  /**
   * {@return a matrix in which the devices that regions lie in are where they really are}
   *
   * @param known those that it has already; the others are added
   */
  Topology located(Topology matrix, List<Region> regions, Set<MemoryKind> known) {
    Topology located = matrix;
    for (Region region : regions) {
      if (region.kind() instanceof MemoryKind.Device kind
          && Devices.isKnown(kind)
          && !known.contains(kind)) {
        try {
          located =
              located.withGpu(
                  kind.location(),
                  exports.pciAddress(kind.ordinal()),
                  RdmaDevices.discover(sysRoot, DEV),
                  sysRoot);
          known.add(kind);
        } catch (TransferException e) {
          known.add(kind);
          log.debug("{} is taken for where sysfs lists it: {}", kind, e.getMessage());
        }
      }
    }
    return located;
  }

  /** That of a CUDA device. */
  private final class CudaWay implements Way {
    private final MemoryKind.Device kind;
    private final long start;
    private final @Nullable DmaBuf exported;
    private final String whyNotExported;

    CudaWay(MemoryKind.Device kind, long start, @Nullable DmaBuf exported, String whyNotExported) {
      this.kind = kind;
      this.start = start;
      this.exported = exported;
      this.whyNotExported = whyNotExported;
    }

    @Override
    public MemoryRegion register(RdmaDevice device, long address, long length, int access) {
      String first = whyNotExported;
      if (exported != null) {
        try {
          return device
              .protectionDomain()
              .registerDmaBuf(
                  address, length, exported.offsetOf(address), exported.descriptor(), access);
        } catch (NativeCallException e) {
          first = String.valueOf(e.getMessage());
        }
      }
      String second = DeviceExports.whyNoPeerMemory(sysRoot);
      if (second.isEmpty()) {
        try {
          return device.protectionDomain().register(address, length, access);
        } catch (NativeCallException e) {
          second = String.valueOf(e.getMessage());
        }
      }
      throw TransferException.withDevice(
          device.name(),
          ErrorCode.CONTEXT,
          "%d bytes of %s at 0x%x cannot be registered, neither as a dma-buf (%s) nor by peer memory"
                  .formatted(length, kind.location(), address, first)
              + " (%s)".formatted(second),
          DeviceExports.PEER_MEMORY_REMEDY,
          null);
    }

    @Override
    public void registered() {
      try {
        exports.synchronizeCopies(kind.ordinal(), start);
      } catch (TransferException refused) {
        notSynchronous.warn(
            "What the program copies to %s at 0x%x may arrive behind a transfer over RDMA, which"
                    .formatted(kind.location(), start)
                + " does not ask the driver (SYNC_MEMOPS: "
                + refused.getMessage()
                + "). Synchronize the device before transfers");
      }
    }

    @Override
    public void close() {
      DeviceMemory.close(exported);
    }
  }

  private static void close(@Nullable DmaBuf exported) {
    if (exported != null) {
      RdmaDevice.quietly("A dma-buf stays open", exported::close);
    }
  }
}
