// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.doctor.CheckResult.Verdict;
import io.transferengine.diagnostics.GpuLibrary.Gpu;
import io.transferengine.topology.FakeMachine;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the doctor says of GPUs. */
class GpuChecksTest {
  private static final class FakeLibrary implements GpuChecks.Library {
    private Optional<String> cause = Optional.empty();
    private boolean kernel = true;
    private Optional<TransferException> lost = Optional.empty();

    @Override
    public Optional<String> unavailabilityCause() {
      return cause;
    }

    @Override
    public String cudaVersion() {
      return "13.0";
    }

    @Override
    public List<Gpu> gpus() {
      return List.of(new Gpu(0, "Fake GPU", "0000:17:00.0"));
    }

    @Override
    public boolean hasCopyKernel(int ordinal) {
      lost.ifPresent(
          why -> {
            throw why;
          });
      return kernel;
    }

    @Override
    public String reach(int ordinal, String rdmaDevice) {
      if (rdmaDevice.equals("rxe0")) {
        throw new TransferException(ErrorCode.CONTEXT, "neither", "modprobe nvidia_peermem");
      }
      return "dma-buf";
    }
  }

  private final FakeLibrary library = new FakeLibrary();

  private List<CheckResult> findings(Optional<String> visible) {
    return new GpuChecks(library, visible)
        .findings(List.of(FakeMachine.device("mlx5_0"), FakeMachine.device("rxe0")));
  }

  @Test
  void withoutADriverThereIsOneReason() {
    library.cause = Optional.of("libcuda.so.1 not found. It comes with NVIDIA's driver");
    assertThat(findings(Optional.empty()))
        .containsExactly(
            new CheckResult(
                "NVIDIA driver",
                "no memory of GPUs can be moved: libcuda.so.1 not found. It comes with NVIDIA's"
                    + " driver",
                Verdict.NO));
    assertThat(findings(Optional.of("")).getFirst().text())
        .endsWith("; CUDA_VISIBLE_DEVICES is empty");
  }

  @Test
  void eachGpuAndEachWayToItIsShown() {
    assertThat(findings(Optional.of("3")))
        .containsExactly(
            CheckResult.ok(
                "NVIDIA driver", "for CUDA 13.0, shows 1 GPU; CUDA_VISIBLE_DEVICES is 3"),
            CheckResult.ok(
                "cuda:0",
                "Fake GPU at PCI address 0000:17:00.0; scattered memory is copied by a kernel"),
            CheckResult.ok("cuda:0 over mlx5_0", "registered as dma-buf"),
            CheckResult.no("cuda:0 over rxe0", "neither. modprobe nvidia_peermem"));
  }

  @Test
  void whatDoesNotWorkThereIsSaid() {
    library.kernel = false;
    assertThat(findings(Optional.empty()).get(1).text()).contains("range by range");
    library.lost = Optional.of(new TransferException(ErrorCode.CONTEXT, "cuda:0 is lost", ""));
    assertThat(findings(Optional.empty()).get(1).verdict()).isEqualTo(Verdict.NO);
  }
}
