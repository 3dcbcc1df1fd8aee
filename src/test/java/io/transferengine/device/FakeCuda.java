// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A library in the place of NVIDIA's driver, which gcc makes of {@code fake-cuda.c}: for processes
 * whose {@code LD_LIBRARY_PATH} is its folder.
 */
public final class FakeCuda {
  private static final Path SOURCE = Path.of("src/test/resources/fake-cuda.c");

  private FakeCuda() {}

  /** Makes it in a folder; on a machine without gcc the test does not go on. */
  public static void make(Path folder, String... gccOptions)
      throws IOException, InterruptedException {
    List<String> gcc = new ArrayList<>(List.of("gcc", "-std=gnu11", "-Wall", "-Werror", "-O1"));
    gcc.addAll(List.of("-shared", "-fPIC", "-Inative-headers"));
    gcc.addAll(List.of(gccOptions));
    gcc.addAll(List.of("-o", folder.resolve("libcuda.so.1").toString(), SOURCE.toString()));
    Process process;
    try {
      process = new ProcessBuilder(gcc).redirectErrorStream(true).start();
    } catch (IOException e) {
      Needs.that(false, "no gcc (" + e.getMessage() + "): install the package gcc");
      return;
    }
    process.getOutputStream().close();
    assertThat(process.inputReader().readAllLines()).isEmpty();
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isZero();
  }
}
