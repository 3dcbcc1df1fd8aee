// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who has host memory only loads nothing of what there is for devices. */
@Timeout(120)
class HostOnlyTest {
  /** Classes that do something: each opens, pins, starts or calls what only devices need. */
  private static final List<String> OF_DEVICES =
      List.of(
          "io.transferengine.bindings.Cuda",
          "io.transferengine.device.CudaLibrary",
          "io.transferengine.device.PinnedSlots",
          "io.transferengine.device.CopyLane",
          "io.transferengine.device.CopyKernel",
          "io.transferengine.transport.local.DeviceCopier",
          "io.transferengine.transport.tcp.StagedTask");

  @TempDir Path folder;

  @Test
  void nothingOfDevicesIsLoaded() throws Exception {
    Path loaded = folder.resolve("classes");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-Xlog:class+load:file=" + loaded,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                HostOnlyMain.class.getName())
            .redirectErrorStream(true)
            .start();
    try {
      process.getOutputStream().close();
      List<String> said = process.inputReader().readAllLines();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as("%s", said).isZero();
    } finally {
      process.destroyForcibly();
    }
    List<String> classes =
        Files.readAllLines(loaded).stream()
            .filter(line -> line.contains(" io.transferengine."))
            .map(line -> line.split(" ", -1)[1])
            .toList();
    assertThat(classes).contains("io.transferengine.engine.EngineCore"); // the test can fail
    assertThat(classes).doesNotContainAnyElementsOf(OF_DEVICES);
  }
}
