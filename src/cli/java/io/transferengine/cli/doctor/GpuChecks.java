// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.diagnostics.GpuLibrary;
import io.transferengine.diagnostics.GpuLibrary.Gpu;
import io.transferengine.topology.RdmaDevice;
import io.transferengine.transfer.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The doctor's checks for memory of GPUs: the driver, the GPUs, and each network card's way to each
 * of them. None of the checks throws.
 */
final class GpuChecks {
  private static final String DRIVER = "NVIDIA driver";

  /** Says which GPUs a process sees, and in which order. */
  private static final String VISIBLE = "CUDA_VISIBLE_DEVICES";

  private final Library library;
  private final Optional<String> visible;

  /** NVIDIA's driver, as far as the doctor needs it; tests have their own. */
  interface Library {
    /** {@return why no GPU can be used, with the remedy; empty if one can} */
    Optional<String> unavailabilityCause();

    /** {@return the newest CUDA that the driver knows} */
    String cudaVersion();

    /** {@return the GPUs that this process sees} */
    List<Gpu> gpus();

    /** {@return whether scattered memory is copied by our kernel} */
    boolean hasCopyKernel(int ordinal);

    /** {@return how a network card reaches memory of a GPU} */
    String reach(int ordinal, String rdmaDevice);
  }

  private static final Library LIBCUDA =
      new Library() {
        @Override
        public Optional<String> unavailabilityCause() {
          return GpuLibrary.unavailabilityCause();
        }

        @Override
        public String cudaVersion() {
          return GpuLibrary.cudaVersion();
        }

        @Override
        public List<Gpu> gpus() {
          return GpuLibrary.gpus();
        }

        @Override
        public boolean hasCopyKernel(int ordinal) {
          return GpuLibrary.hasCopyKernel(ordinal);
        }

        @Override
        public String reach(int ordinal, String rdmaDevice) {
          return GpuLibrary.reach(ordinal, rdmaDevice);
        }
      };

  /**
   * The checks.
   *
   * @param visible what {@code CUDA_VISIBLE_DEVICES} says
   */
  GpuChecks(Library library, Optional<String> visible) {
    this.library = library;
    this.visible = visible;
  }

  /**
   * {@return the findings for this machine}
   *
   * @param devices the RDMA devices
   */
  static List<CheckResult> all(List<RdmaDevice> devices) {
    return new GpuChecks(LIBCUDA, CommandEnvironment.visibleGpus()).findings(devices);
  }

  List<CheckResult> findings(List<RdmaDevice> devices) {
    String shown =
        visible
            .map(value -> "; " + VISIBLE + " is " + (value.isEmpty() ? "empty" : value))
            .orElse("");
    Optional<String> cause = library.unavailabilityCause();
    if (cause.isPresent()) {
      return List.of(
          CheckResult.no(DRIVER, "no memory of GPUs can be moved: " + cause.get() + shown));
    }
    List<CheckResult> findings = new ArrayList<>();
    try {
      List<Gpu> gpus = library.gpus();
      findings.add(
          CheckResult.ok(
              DRIVER,
              "for CUDA %s, shows %d GPU%s%s"
                  .formatted(
                      library.cudaVersion(), gpus.size(), gpus.size() == 1 ? "" : "s", shown)));
      for (Gpu gpu : gpus) {
        findings.add(gpu(gpu));
        for (RdmaDevice device : devices) {
          if (device.usable()) {
            findings.add(way(gpu, device.name()));
          }
        }
      }
    } catch (TransferException e) {
      findings.add(CheckResult.no(DRIVER, e));
    }
    return findings;
  }

  private CheckResult gpu(Gpu gpu) {
    String text = gpu.model() + " at PCI address " + gpu.pciAddress();
    try {
      return library.hasCopyKernel(gpu.ordinal())
          ? CheckResult.ok(gpu.location(), text + "; scattered memory is copied by a kernel")
          : CheckResult.no(
              gpu.location(),
              text
                  + "; scattered memory is copied range by range, many times slower: the log says"
                  + " why");
    } catch (TransferException e) {
      return CheckResult.no(gpu.location(), e);
    }
  }

  private CheckResult way(Gpu gpu, String device) {
    String what = gpu.location() + " over " + device;
    try {
      return CheckResult.ok(what, "registered as " + library.reach(gpu.ordinal(), device));
    } catch (TransferException e) {
      return CheckResult.no(what, e);
    }
  }
}
