// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.CommandRun;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class DoctorCommandTest {
  @Test
  void findsThatThisMachineMovesBytes() throws Exception {
    CommandRun run = CommandRun.of("doctor");

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output())
        .containsPattern("JDK +.* ok\n")
        .containsPattern("self-test +1 MiB .* ok\n")
        .containsPattern("RDMA +(opened as .* ok|TCP is used in its place: .* no)\n")
        .containsPattern("ports +[0-9]+ of [0-9]+ free")
        .containsPattern("libibverbs +\\S")
        .containsPattern("RDMA devices +\\S")
        .containsPattern("locked memory +\\S")
        .doesNotContain("missing")
        .doesNotContain("\u001b");
  }

  @Test
  void namesAMalformedVariableAndFails() throws IOException, InterruptedException {
    ProcessBuilder builder = CommandRun.builder("doctor");
    builder.environment().put("MC_TRANSFER_TIMEOUT", "abc");

    CommandRun run = CommandRun.wait(builder.start());

    assertThat(run.status()).as("%s", run).isEqualTo(1);
    assertThat(run.output()).contains("MC_TRANSFER_TIMEOUT").contains("abc").contains("missing");
  }
}
