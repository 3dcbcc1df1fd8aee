// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.CommandRun;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Faults on handshakes, processes and the cable, while processes move bytes over RDMA. */
@Tag("rdma")
@Timeout(240)
class RdmaSoakTest {
  @BeforeAll
  static void onlyInAGuest() {
    RdmaPort.requireGuest();
  }

  @AfterEach
  void theCableIsThere() {
    Shell.mend(0);
  }

  @Test
  void aShortRunWithCutLinksFindsNothing() throws Exception {
    CommandRun run =
        CommandRun.of(
            "soak",
            "--protocol",
            "rdma",
            "--links",
            "veth0,veth1",
            "--minutes",
            "3",
            "--faults",
            "12",
            "--groups",
            "1",
            "--processes",
            "2");
    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output()).contains("links cut", "nothing has grown");
  }
}
