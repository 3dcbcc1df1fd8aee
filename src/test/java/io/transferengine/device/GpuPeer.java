// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** The second process of a check, the same program, which ends with its input. */
final class GpuPeer implements AutoCloseable {
  private final Process process;
  private final Writer commands;
  private final BufferedReader said;

  GpuPeer(Process process) {
    this.process = process;
    // Its end is the peer's.
    commands = process.outputWriter();
    said = process.inputReader();
  }

  static Process start(Class<?> program) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            program.getName(),
            "peer")
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** {@return its next line} */
  String line() throws IOException {
    String line = said.readLine();
    GpuSteps.require(line != null, "the peer has ended");
    return String.valueOf(line);
  }

  void end() throws IOException, InterruptedException {
    commands.close();
    GpuSteps.require(process.waitFor(25, TimeUnit.SECONDS), "the peer does not end");
    GpuSteps.require(process.exitValue() == 0, "the peer ends with " + process.exitValue());
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
