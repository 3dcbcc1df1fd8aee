// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.device.Device;
import io.transferengine.device.DeviceExports;
import io.transferengine.device.Devices;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * NVIDIA's driver and the GPUs that this process sees. Each process looks for the driver once; that
 * takes a few hundred milliseconds where there is one. Thread-safe.
 */
public final class GpuLibrary {
  private static final DeviceExports EXPORTS = new DeviceExports();

  private GpuLibrary() {}

  /**
   * A GPU.
   *
   * @param ordinal as in the location {@code cuda:N}, in the order that {@code
   *     CUDA_VISIBLE_DEVICES} makes
   * @param model what its maker calls it
   * @param pciAddress where it is, as sysfs writes it: {@code 0000:17:00.0}
   */
  public record Gpu(int ordinal, String model, String pciAddress) {
    /** Checks for null. */
    public Gpu {
      Objects.requireNonNull(model, "model must not be null");
      Objects.requireNonNull(pciAddress, "pciAddress must not be null");
    }

    /** {@return the location of its memory: {@code cuda:0}} */
    public String location() {
      return "cuda:" + ordinal;
    }
  }

  /** {@return why no GPU can be used, with the remedy; empty if one can} */
  public static Optional<String> unavailabilityCause() {
    return Devices.unavailabilityCause();
  }

  /**
   * {@return the newest CUDA that the driver knows, such as {@code 13.0}}
   *
   * @throws TransferException if there is no driver with a device
   */
  public static String cudaVersion() {
    return EXPORTS.cudaVersion();
  }

  /**
   * {@return the GPUs that this process sees, at least one}
   *
   * @throws TransferException if there is no driver with a device
   */
  public static List<Gpu> gpus() {
    List<Gpu> found = new ArrayList<>();
    for (int i = 0; i < EXPORTS.count(); i++) {
      found.add(new Gpu(i, EXPORTS.model(i), EXPORTS.pciAddress(i)));
    }
    return List.copyOf(found);
  }

  /**
   * {@return whether scattered memory of a GPU is copied by our kernel, and not many times slower}
   *
   * @param ordinal which GPU, from 0
   * @throws TransferException if the GPU cannot be used
   */
  public static boolean hasCopyKernel(int ordinal) {
    try (Devices devices = new Devices()) {
      Device device = devices.of(MemoryKind.at("cuda:" + ordinal));
      return device.hasKernel();
    }
  }

  /**
   * {@return how a network card reaches memory of a GPU, {@code dma-buf} or {@code nvidia_peermem},
   * tried with 2 MiB of it}
   *
   * @param ordinal which GPU, from 0
   * @param rdmaDevice the network card's name, such as {@code mlx5_0}
   * @throws TransferException if neither is possible, with both reasons, or if one of them cannot
   *     be opened
   */
  public static String reach(int ordinal, String rdmaDevice) {
    Objects.requireNonNull(rdmaDevice, "rdmaDevice must not be null");
    return GpuReach.of(EXPORTS, ordinal, rdmaDevice);
  }
}
