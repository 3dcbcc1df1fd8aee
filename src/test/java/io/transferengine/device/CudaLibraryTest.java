// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@link CudaLibrary} calls C: in a process where the driver's name leads to a library that gcc
 * makes of {@code fake-cuda.c}. So arguments arrive as they should, and {@code src/test/gpu/run}'s
 * program is run where there is no device.
 */
@Timeout(180)
class CudaLibraryTest {
  @TempDir Path directory;

  private static List<String> run(int status, Map<String, String> environment, List<String> command)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    try {
      process.getOutputStream().close();
      List<String> lines = process.inputReader().readAllLines();
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as("%s", lines).isEqualTo(status);
      return lines;
    } finally {
      process.destroyForcibly();
    }
  }

  private List<String> check(int status, Map<String, String> environment, String... gccOptions)
      throws Exception {
    return check(
        status,
        environment,
        List.of(DeviceCheckMain.class.getName(), "42", "all", "8"),
        gccOptions);
  }

  private List<String> check(
      int status, Map<String, String> environment, List<String> program, String... gccOptions)
      throws Exception {
    FakeCuda.make(directory, gccOptions);
    Map<String, String> all = new HashMap<>(environment);
    all.put("LD_LIBRARY_PATH", directory.toString());
    List<String> java =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "--enable-native-access=ALL-UNNAMED",
                "-Dgpu.patience=10",
                "-Dgpu.warm=1",
                "-cp",
                System.getProperty("java.class.path")));
    java.addAll(program);
    return run(status, all, java);
  }

  @Test
  void movesBytesByTheKernel() throws Exception {
    assertThat(check(0, Map.of()))
        .contains("cuda:0 (Fake GPU), kernel: true", "all right")
        .anyMatch(line -> line.matches("FIGURE scattered 4 KiB, out, GB/s: .*(reached|MISSED)"))
        .anyMatch(line -> line.matches("slots, 8 under way, in .* us from asked for to told of"))
        .anyMatch(line -> line.startsWith("kernel alone, table copied, in"))
        .contains("at PCI address 0010:3b:1f.0", "a dma-buf was exported and closed")
        .contains("sees what network cards write in order: false, can wait for it: true")
        .contains("own handle: opened, in the same place: true")
        .anyMatch(line -> line.contains("CUDA_ERROR_OUT_OF_MEMORY (2, out of memory)"))
        .anyMatch(line -> line.contains("does not know the address"));
  }

  @Test
  void movesBytesByOneCallForAll() throws Exception {
    assertThat(check(0, Map.of("FAKE_CUDA_NO_KERNEL", "1")))
        .contains("cuda:0 (Fake GPU), kernel: false", "all right");
  }

  @Test
  void movesBytesOnAnOldDriver() throws Exception {
    assertThat(
            check(
                0,
                Map.of("FAKE_CUDA_NO_KERNEL", "1"),
                "-DcuMemcpyBatchAsync_v2=cuMemcpyOfLater",
                "-DcuMemGetHandleForAddressRange=cuMemHandleOfLater",
                "-DcuFlushGPUDirectRDMAWrites=cuFlushOfLater"))
        .contains("cuda:0 (Fake GPU), kernel: false", "all right")
        .contains("sees what network cards write in order: false, can wait for it: false")
        .contains("no dma-buf: NVIDIA's driver is older than CUDA 11.7, and exports none");
  }

  @Test
  void whatIsAskedFirstIsAskedOfTheDriver() throws Exception {
    List<String> program = List.of(DeviceUnknownsMain.class.getName(), "42", "alone");
    assertThat(check(0, Map.of(), program))
        .contains("all right")
        .anyMatch(line -> line.matches("memory of the primary context .*: the same"))
        .anyMatch(line -> line.startsWith("cuMemFree_v2 does not wait for a stream"))
        .anyMatch(line -> line.startsWith("cuFlushGPUDirectRDMAWrites does not wait for a"));
  }

  /** But for streams: what the library begins is over at once, and cannot wait for anybody. */
  @Test
  void whatTheApiHasForDevicesGoesToTheDriver() throws Exception {
    assertThat(check(0, Map.of(), List.of(DeviceApiMain.class.getName(), "42", "no-streams")))
        .contains("locations: right", "own memory: right", "events: right", "all right");
  }

  @Test
  void aDriverWithoutDevicesIsSaid() throws Exception {
    assertThat(check(3, Map.of("FAKE_CUDA_EMPTY", "1")))
        .containsExactly(
            "NVIDIA's driver shows no device to this process. Look at CUDA_VISIBLE_DEVICES, or at"
                + " what the container may use");
  }

  /** Of which the driver does not know the name of the error, either. */
  @Test
  void aDriverThatDoesNotBeginIsSaid() throws Exception {
    assertThat(check(3, Map.of("FAKE_CUDA_NO_INIT", "1")))
        .singleElement()
        .asString()
        .contains("cuInit(0)", "999", "nvidia-smi must list a device");
  }

  @Test
  void aDriverThatIsTooOldIsSaid() throws Exception {
    assertThat(check(3, Map.of(), "-DcuDevicePrimaryCtxRelease_v2=cuOfLater"))
        .containsExactly(
            "libcuda.so.1 has no cuDevicePrimaryCtxRelease_v2. Install NVIDIA's driver 450 or"
                + " newer");
  }
}
