// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.CommandRun;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The demo in small: two processes, everything else as a stranger gets it. */
@Timeout(120)
class DemoCommandTest {
  private static final String ESCAPE = "\u001b";

  @Test
  void movesAndVerifiesEveryRow() throws Exception {
    CommandRun run = CommandRun.of("demo", "--pages", "8", "--file-bytes", "1000000");

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).isEqualTo(8);
    assertThat(run.output())
        .containsPattern("lib/modules +TCP +write +1 +1,000,000 ")
        .containsPattern("KV pages +one copy +read +1,280 +5,242,880 ")
        .contains("./te bench")
        .doesNotContain("FAILED");
    assertThat(run.output().lines())
        .allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(80));
  }

  /** Neither colours nor a bar reach what is no terminal. */
  @Test
  void writesPlainTextWithoutTerminal(@TempDir Path folder) throws Exception {
    Path file = Files.write(folder.resolve("odd, and longer than the table has room"), new byte[3]);

    CommandRun run = CommandRun.of("demo", "--pages", "1", "--file", file.toString());

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).isEqualTo(8);
    assertThat(run.output())
        .contains("odd, and l..  TCP ")
        .doesNotContain(ESCAPE)
        .doesNotContain("\r");
    assertThat(run.error()).doesNotContain(ESCAPE).doesNotContain("\r").doesNotContain("%");
  }

  @Test
  void saysWhyNothingIsCopied() throws Exception {
    ProcessBuilder demo = CommandRun.builder("demo", "--pages", "1", "--file-bytes", "1000");
    demo.environment().put("TE_CHECKSUM", "crc32c");

    CommandRun run = CommandRun.wait(demo.start());

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).isEqualTo(4);
    assertThat(run.output()).contains("cannot copy each other's memory", "TE_CHECKSUM");
  }

  @Test
  void failsWhenTheTargetHoldsSomethingElse() throws Exception {
    CommandRun run =
        CommandRun.of("demo", "--pages", "2", "--file-bytes", "5000", "--corrupt-for-test");

    assertThat(run.status()).as("%s", run).isEqualTo(1);
    assertThat(run.lines("FAILED")).isEqualTo(8);
    assertThat(run.output()).doesNotContain("verified").doesNotContain("Both processes");
  }
}
