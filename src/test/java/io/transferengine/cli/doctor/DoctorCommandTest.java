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
        .containsPattern("JDK +ok +\\S")
        .containsPattern("self-test +ok +1 MiB")
        .containsPattern("RDMA +(ok +opened as|no +TCP is used instead: )")
        .containsPattern("same machine +(ok +engines of one user|no +the network is used: )")
        .containsPattern("ports +ok +[0-9]+ of [0-9]+ free")
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
    assertThat(run.output())
        .containsOnlyOnce("MC_TRANSFER_TIMEOUT")
        .contains("abc")
        .contains("missing");
  }
}
