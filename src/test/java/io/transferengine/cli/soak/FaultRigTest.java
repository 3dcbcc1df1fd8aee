// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.console.CommandEnvironment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Random single faults between two processes. */
@Timeout(600)
class FaultRigTest {
  private static final long FAULTS = Long.getLong("faults", 40);

  @TempDir Path folder;

  private Member.Setup setup() {
    return new Member.Setup(
        CommandEnvironment.current(),
        "tcp",
        "P2PHANDSHAKE",
        folder,
        Map.of("MC_TCP_STATUS_TIMEOUT_SEC", "2", "TE_INBOUND_STALL_SECONDS", "2"));
  }

  @Test
  void nothingIsLostLateOrForeign() {
    long seed = Long.getLong("seed", System.nanoTime() >>> 10);
    System.out.println("FaultRigTest: replay with -Dseed=" + seed);
    try (Run run = new Run(setup(), 2, "", seed)) {
      while (run.faults() < FAULTS) {
        run.round();
      }
      System.out.println("FaultRigTest: " + run);
      assertThat(run.faults()).isGreaterThanOrEqualTo(FAULTS);
    }
  }

  /** The rig itself can fail: somebody writes one byte that no transfer moves. */
  @Test
  void aForeignByteIsFoundAndNamed() throws Exception {
    try (Run run = new Run(setup(), 2, "", 1);
        FileChannel memory =
            FileChannel.open(folder.resolve("b.memory"), StandardOpenOption.WRITE)) {
      run.round();
      int _ = memory.write(ByteBuffer.wrap(new byte[] {1, 2, 3, 4}), 100);
      assertThatThrownBy(run::round)
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining(" of b is ")
          .hasMessageContaining("must not change")
          .hasMessageContaining("-Dseed=2");
    }
  }
}
