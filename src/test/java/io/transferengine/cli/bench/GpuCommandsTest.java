// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.CommandRun;
import io.transferengine.device.FakeCuda;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands where there is a GPU, which a library in the place of its driver pretends. */
@Timeout(180)
class GpuCommandsTest {
  @TempDir Path folder;

  private static CommandRun run(Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    ProcessBuilder builder = CommandRun.builder(arguments);
    builder.environment().putAll(environment);
    return CommandRun.wait(builder.start());
  }

  private Map<String, String> gpu() throws IOException, InterruptedException {
    FakeCuda.make(folder);
    return Map.of("LD_LIBRARY_PATH", folder.toString());
  }

  /** Contents are compared as in every row: larger than the view of them, and not whole words. */
  @Test
  void benchMovesMemoryOfGpus() throws Exception {
    CommandRun run =
        run(
            gpu(),
            "bench",
            "--loopback",
            "--memory=cuda:0,20M",
            "--target-memory=cuda:0",
            "--sizes=4099,9M",
            "--batch=3",
            "--count=2",
            "--against=none");

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).as("%s", run).isEqualTo(4);
    assertThat(run.output()).contains("Memory: cuda:0 here, cuda:0 there.");
  }

  @Test
  void aComparisonCanFailThere() throws Exception {
    CommandRun run =
        run(
            gpu(),
            "bench",
            "--loopback",
            "--target-memory=cuda:0",
            "--sizes=64K",
            "--batch=2",
            "--op=write",
            "--count=2",
            "--against=none",
            "--corrupt-for-test");

    assertThat(run.status()).as("%s", run).isEqualTo(1);
    assertThat(run.output()).contains("SHA-256 of a sample");
  }

  @Test
  void demoUsesAGpu() throws Exception {
    CommandRun run = run(gpu(), "demo", "--file-bytes=20000", "--pages=2");

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output()).containsPattern("TCP, cuda:0 +write .*verified");
    assertThat(run.lines("FAILED")).isZero();
  }

  @Test
  void benchSaysThatThereIsNoGpu() throws Exception {
    CommandRun run =
        run(
            Map.of("CUDA_VISIBLE_DEVICES", ""),
            "bench",
            "--loopback",
            "--target-memory=cuda:0",
            "--count=1",
            "--against=none");

    assertThat(run.status()).as("%s", run).isEqualTo(3);
    assertThat(run.error()).contains("There is no memory cuda:0 here: ");
  }
}
