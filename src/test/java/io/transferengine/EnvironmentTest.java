// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.PeerProcess;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The facade reads the environment, here that of a child process. */
@Timeout(60)
class EnvironmentTest {
  @Test
  void aMalformedVariableFailsTheInitializationByName() {
    try (PeerProcess peer = PeerProcess.start(Map.of("MC_TRANSFER_TIMEOUT", "abc"))) {
      assertThat(peer.call("initialize", "127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isNegative();
      assertThat(peer.call("getRpcPort")).isEqualTo(-1);
      assertThat(peer.log().stream().filter(line -> line.contains("WARN")))
          .singleElement()
          .asString()
          .contains("MC_TRANSFER_TIMEOUT", "\"abc\"", "expected a whole number");
    }
  }

  @Test
  void theFacadeHonoursIt() {
    Map<String, String> variables =
        Map.of(
            "MC_METADATA_SERVER", "P2PHANDSHAKE",
            "MC_MIN_RPC_PORT", "17101",
            "MC_MAX_RPC_PORT", "17105",
            "MC_TRANSFER_TIMEOUT", "2",
            "TE_MANAGED_MEMORY_LIMIT_BYTES", "1048576");
    try (PeerProcess peer = PeerProcess.start(variables)) {
      assertThat(peer.call("initialize", "127.0.0.1", "", "tcp", "")).isZero();
      assertThat(peer.call("getRpcPort")).isBetween(17_101L, 17_105L);
      assertThat(peer.call("allocateManagedBuffer", 1 << 20)).isPositive();
      assertThat(peer.call("allocateManagedBuffer", 1 << 20)).isZero();
      assertThat(peer.log())
          .anySatisfy(line -> assertThat(line).contains("WARN", "MC_TRANSFER_TIMEOUT", "5"));
    }
  }

  /** Times out without progress, which is quicker to wait for than the 5 s of a deadline. */
  @Test
  void aTimedOutTransferIsMinusTwoInTheStatusAndMinusOneInACall() throws InterruptedException {
    try (PeerProcess initiator = PeerProcess.initialized(Map.of("MC_SLICE_TIMEOUT", "1"));
        PeerProcess target = PeerProcess.initialized(Map.of())) {
      long local = initiator.allocate(4096);
      long remote = target.allocate(4096);
      assertThat(initiator.call("transferSyncWrite", target.name(), local, remote, 4096)).isZero();
      target.stop();
      long id = initiator.call("transferSubmitRead", target.name(), local, remote, 4096);
      assertThat(initiator.call("transferSyncRead", target.name(), local, remote, 4096))
          .isEqualTo(-1);
      long status = initiator.call("transferCheckStatus", id);
      while (status == 0) {
        Thread.sleep(10);
        status = initiator.call("transferCheckStatus", id);
      }
      assertThat(status).isEqualTo(-2);
      assertThat(initiator.call("transferCheckStatus", id)).as("told once").isEqualTo(-1);
      assertThat(initiator.log())
          .anySatisfy(line -> assertThat(line).contains("WARN", "MC_SLICE_TIMEOUT"));
      target.resume();
      assertThat(initiator.call("transferSyncRead", target.name(), local, remote, 4096)).isZero();
    }
  }

  @Test
  void aMissingTopologyFileFailsTheInitialization() {
    try (PeerProcess peer = PeerProcess.start(Map.of("MC_CUSTOM_TOPO_JSON", "/no/such/file"))) {
      assertThat(peer.call("initialize", "127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isNegative();
      assertThat(peer.log()).anySatisfy(line -> assertThat(line).contains("/no/such/file"));
    }
  }
}
