// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.CommandRun;
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
}
