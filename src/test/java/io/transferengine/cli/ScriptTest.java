// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The script around the command, as far as it builds nothing. */
@Timeout(60)
class ScriptTest {
  private static final Path HOME = Path.of("").toAbsolutePath();

  private static CommandRun te(String... arguments) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder();
    builder.command().add(HOME.resolve("te").toString());
    builder.command().addAll(List.of(arguments));
    // As below ./te test: what is built is used as it is.
    builder.environment().put("TE_LOCKED", HOME.toRealPath().toString());
    return CommandRun.wait(builder.start());
  }

  @Test
  void helpAndUsage() throws Exception {
    assertThat(te("help").status()).isZero();
    assertThat(te("help").output()).contains("demo").contains("topology").contains("Exit status");
    assertThat(te("help").output().lines()).allSatisfy(ScriptTest::fitsATerminal);
    assertThat(te("soft-roce", "--help").output().lines()).allSatisfy(ScriptTest::fitsATerminal);
    assertThat(te().status()).isEqualTo(2);
    assertThat(te("frobnicate").status()).isEqualTo(2);
    assertThat(te("frobnicate").error()).isEqualTo("te: unknown command: frobnicate (./te help)\n");
    assertThat(te("classpath", "now").status()).isEqualTo(2);
    assertThat(te("soft-roce").status()).isEqualTo(2);
    assertThat(te("soft-roce").error()).startsWith("guest: a command is missing\n");
    assertThat(te("soft-roce", "-r", "0", "true").status()).isEqualTo(2);
    assertThat(te("bindings", "now").status()).isEqualTo(2);
    assertThat(te("run").status()).isEqualTo(2);
    assertThat(te("run", "None.java").error()).contains("there is no None.java");
    assertThat(te("site", "now").status()).isEqualTo(2);
    assertThat(te("example").status()).isEqualTo(2);
    assertThat(te("example", "frobnicate").status()).isEqualTo(2);
    assertThat(te("example", "frobnicate").error()).contains("takes a name: kv-cache, jlama");
  }

  private static void fitsATerminal(String line) {
    assertThat(line.length()).as(line).isLessThanOrEqualTo(80);
  }

  @Test
  void classPathIsOneLineOfWhatExists() throws Exception {
    Needs.that(
        Files.exists(HOME.resolve("target/te/classpath")),
        "./te has built nothing here; under ./te test this runs");

    CommandRun run = te("classpath");

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output()).hasLineCount(1).endsWith("\n");
    assertThat(run.output().strip().split(":", -1))
        .contains(HOME.toRealPath().resolve("target/classes").toString())
        .contains(HOME.toRealPath().resolve("target/cli-classes").toString())
        .allSatisfy(entry -> assertThat(Path.of(entry)).isAbsolute().exists());
  }
}
