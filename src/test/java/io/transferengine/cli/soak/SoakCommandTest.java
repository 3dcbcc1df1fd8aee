// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.cli.CommandRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The command, as it is typed. */
@Timeout(240)
class SoakCommandTest {
  @Test
  void aShortRunFindsNothing() throws Exception {
    CommandRun run = CommandRun.of("soak", "--minutes", "2", "--faults", "15", "--groups", "1");
    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output())
        .contains("tcp, 1 groups of 3 processes, --seed=", "nothing has grown")
        .containsPattern("[0-9]+ faults in [0-9]+ rounds");
    assertThat(run.error()).isEmpty();
  }

  @Test
  void aShortRunWithTlsFindsNothing() throws Exception {
    CommandRun run =
        CommandRun.of(
            "soak",
            "--tls",
            "--minutes",
            "2",
            "--faults",
            "8",
            "--groups",
            "1",
            "--config",
            "plain");
    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output()).contains("tcp with TLS, 1 groups", "nothing has grown");
    assertThat(run.error()).isEmpty();
  }

  @Test
  void aShortRunOnOneMachineFindsNothing() throws Exception {
    CommandRun run =
        CommandRun.of(
            "soak",
            "--protocol",
            "local",
            "--minutes",
            "2",
            "--faults",
            "20",
            "--groups",
            "1",
            "--config",
            "plain");
    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output()).contains("local, 1 groups of 3 processes", "nothing has grown");
    assertThat(run.error()).isEmpty();
  }

  /** What has not been looked at has not passed. */
  @Test
  void aRunWithoutARoundFails() throws Exception {
    CommandRun run = CommandRun.of("soak", "--minutes", "0.001", "--groups", "1");
    boolean isTried = !run.output().contains(" 0 rounds");
    assertThat(run.status()).as("%s", run).isEqualTo(isTried ? 0 : 1);
    assertThat(run.error()).contains(isTried ? "" : "Nothing was tried");
  }

  @Test
  void aForeignByteEndsItWithStatusOne() throws Exception {
    CommandRun run =
        CommandRun.of("soak", "--minutes", "2", "--groups", "1", "--seed", "7", "--spoil-for-test");
    assertThat(run.status()).as("%s", run).isEqualTo(1);
    assertThat(run.output()).contains("must not change");
    assertThat(run.error())
        .startsWith("te: ")
        .containsPattern("soak --protocol=tcp --config=[a-z0-9]+ --groups=1 --processes=3 --seed=7")
        .hasLineCount(1);
  }

  /** The memory of its processes is files, of which the system clears none away. */
  @Test
  void anInterruptedRunLeavesNoFiles() throws Exception {
    Process process = CommandRun.start("soak", "--minutes", "2", "--groups", "1");
    try {
      await().until(() -> !folders(process.pid()).isEmpty());
      // Process.destroy would close the output, too.
      assertThat(process.toHandle().destroy()).isTrue();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(folders(process.pid())).isEmpty();
    } finally {
      process.destroyForcibly();
    }
  }

  /** Other tests' processes may have theirs meanwhile. */
  private static Set<Path> folders(long pid) throws IOException {
    Set<Path> found = new HashSet<>();
    for (Path parent :
        List.of(Path.of("/dev/shm"), Path.of(System.getProperty("java.io.tmpdir")))) {
      if (Files.isDirectory(parent)) {
        try (Stream<Path> all = Files.list(parent)) {
          all.filter(path -> path.getFileName().toString().startsWith("te-soak-" + pid + "-"))
              .forEach(found::add);
        }
      }
    }
    return found;
  }
}
