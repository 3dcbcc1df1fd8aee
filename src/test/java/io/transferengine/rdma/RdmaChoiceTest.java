// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Transfer;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which transport is taken, and that TCP in place of RDMA is never taken in silence. */
@Tag("rdma")
@Timeout(120)
class RdmaChoiceTest {
  private static final int LENGTH = 300_007;

  /** Executes its arguments where no device can be seen: as on a machine that has none. */
  private static final List<String> WITHOUT_DEVICES =
      List.of(
          "unshare",
          "--mount",
          "bash",
          "-c",
          "for d in /sys/class/infiniband /sys/class/infiniband_verbs /dev/infiniband; do"
              + " mount -t tmpfs none $d || exit; done; exec \"$@\"",
          "bash");

  private static EngineConfig.Builder config(String protocol) {
    return EngineConfig.builder(RdmaPort.ours().address())
        .protocol(protocol)
        .deviceName(RdmaPort.ours().device())
        .transferTimeoutSeconds(30);
  }

  private static PeerProcess peer(String protocol, Map<String, String> variables) {
    PeerProcess started = PeerProcess.start(variables);
    try {
      String devices = protocol.equals("tcp") ? "" : RdmaPort.theirs().device();
      started.initialize(RdmaPort.theirs().address(), protocol, devices);
      return started;
    } catch (Throwable t) {
      started.close();
      throw t;
    }
  }

  /** Both ways, at either one's initiative. */
  private static void assertExchange(Engine engine, PeerProcess peer, long seed) {
    long remote = peer.allocate(LENGTH);
    try (Allocation mine = engine.allocate(LENGTH)) {
      var exact = mine.segment().asSlice(0, LENGTH);
      Pattern.fill(exact, seed, 0);
      RdmaPair.assertCompleted(engine.submit(TransferRequest.write(peer.name(), exact, remote)));
      assertThat(peer.mismatch(remote, LENGTH, seed)).isEqualTo(-1);
      peer.fill(remote, LENGTH, seed + 1);
      RdmaPair.assertCompleted(engine.submit(TransferRequest.read(peer.name(), exact, remote)));
      assertThat(Pattern.firstMismatch(exact, seed + 1, 0)).isEqualTo(-1);

      String us = engine.segmentName();
      peer.fill(remote, LENGTH, seed + 2);
      assertThat(peer.call("transferSyncWrite", us, remote, mine.address(), LENGTH)).isZero();
      assertThat(Pattern.firstMismatch(exact, seed + 2, 0)).isEqualTo(-1);
      Pattern.fill(exact, seed + 3, 0);
      assertThat(peer.call("transferSyncRead", us, remote, mine.address(), LENGTH)).isZero();
      assertThat(peer.mismatch(remote, LENGTH, seed + 3)).isEqualTo(-1);
    }
    assertThat(peer.call("freeManagedBuffer", remote, LENGTH)).isZero();
  }

  private static long warningsAboutTcp(PeerProcess peer) {
    return peer.log().stream()
        .filter(line -> line.contains("WARN") && line.contains("TCP"))
        .count();
  }

  /** What a peer logs arrives here by another way than its answers. */
  private static void awaitLog(PeerProcess peer, String text) {
    await()
        .untilAsserted(
            () -> assertThat(peer.log()).anySatisfy(line -> assertThat(line).contains(text)));
  }

  @Test
  void anEmptyProtocolIsRdmaWhereThereIsAnyAndTcpOnlyPeersAreReachedToo() {
    try (LogCapture log = new LogCapture();
        Engine engine = Engine.open(config("").build())) {
      try (PeerProcess peer = peer("", Map.of())) {
        long before = RdmaPort.packetsSent(RdmaPort.ours().device());
        assertExchange(engine, peer, 1);
        assertThat(RdmaPort.packetsSent(RdmaPort.ours().device()) - before)
            .isGreaterThan(2 * LENGTH / 4096);
        assertThat(engine.metrics().get(Counter.TCP_CHOSEN_OVER_RDMA)).isZero();
        assertThat(log.take()).isEmpty();
      }
      try (PeerProcess peer = peer("tcp", Map.of())) {
        assertExchange(engine, peer, 5);
        assertThat(engine.metrics().get(Counter.TCP_CHOSEN_OVER_RDMA)).isPositive();
        List<String> warnings = log.take();
        assertThat(warnings).as("one warning for one peer").hasSize(1);
        assertThat(warnings.getFirst()).contains("TCP").contains(peer.name());
      }
    }
  }

  @Test
  void requireRdmaRefusesWhatWouldGoOverTcp() {
    assertThatThrownBy(
            () -> Engine.open(config("rdma").deviceName("none7").requireRdma(true).build()).close())
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("none7");
    assertThatThrownBy(() -> Engine.open(config("tcp").requireRdma(true).build()).close())
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("RDMA");
    try (PeerProcess peer = peer("tcp", Map.of());
        Engine engine = Engine.open(config("rdma").requireRdma(true).build());
        Allocation mine = engine.allocate(LENGTH)) {
      long remote = peer.allocate(LENGTH);
      Transfer transfer = engine.submit(TransferRequest.write(peer.name(), mine.segment(), remote));
      assertThat(RdmaPair.end(transfer)).isEqualTo(TransferState.FAILED);
      assertThat(transfer.failure()).get().asString().contains("RDMA").contains(peer.name());
    }
  }

  @Test
  void withoutADeviceItIsTcpWithOneWarning() {
    RdmaPort.requireGuest();
    try (PeerProcess peer = PeerProcess.start(WITHOUT_DEVICES, Map.of());
        LogCapture log = new LogCapture();
        Engine engine = Engine.open(config("rdma").build())) {
      peer.initialize(RdmaPort.theirs().address(), "rdma", "");
      awaitLog(peer, "TCP");
      assertExchange(engine, peer, 11);
      assertThat(warningsAboutTcp(peer)).as("%s", peer.log()).isEqualTo(1);
      assertThat(log.take()).hasSize(1);
    }
    try (PeerProcess peer = PeerProcess.start(WITHOUT_DEVICES, Map.of("TE_REQUIRE_RDMA", "1"))) {
      String host = RdmaPort.theirs().address();
      assertThat(peer.call("initialize", host, "P2PHANDSHAKE", "rdma", "")).isNegative();
      awaitLog(peer, "RDMA is required");
    }
  }

  /** Both ends of the only cable are down for longer than a transfer waits for RDMA. */
  @Test
  void aTransferWithoutAnyPathGoesOverToTcp() {
    RdmaPort.requireGuest();
    try (PeerProcess peer = peer("rdma", Map.of());
        LogCapture log = new LogCapture();
        Engine engine = Engine.open(config("rdma").build())) {
      assertExchange(engine, peer, 20);
      assertThat(log.take()).isEmpty();
      assertThat(engine.metrics().get(Counter.TRANSFERS_MOVED_TO_TCP)).isZero();
      Shell.cut(0);
      try {
        assertExchange(engine, peer, 24);
      } finally {
        Shell.mend(0);
      }
      assertThat(engine.metrics().get(Counter.TRANSFERS_MOVED_TO_TCP)).isPositive();
      assertThat(log.take()).anySatisfy(line -> assertThat(line).contains("TCP"));
      awaitLog(peer, "TCP");
    }
  }

  @Test
  void aTransferThatRequiresRdmaDoesNotGoOverToTcp() {
    RdmaPort.requireGuest();
    try (PeerProcess peer = peer("rdma", Map.of());
        LogCapture _ = new LogCapture();
        Engine engine =
            Engine.open(config("rdma").requireRdma(true).transferTimeoutSeconds(8).build());
        Allocation mine = engine.allocate(LENGTH)) {
      assertExchange(engine, peer, 30);
      long remote = peer.allocate(LENGTH);
      peer.zero(remote, LENGTH);
      var exact = mine.segment().asSlice(0, LENGTH);
      TransferRequest write = TransferRequest.write(peer.name(), exact, remote);
      Shell.cut(0);
      try {
        assertThat(RdmaPair.end(engine.submit(write)))
            .isIn(TransferState.TIMEOUT, TransferState.FAILED);
      } finally {
        Shell.mend(0);
      }
      assertThat(peer.ask("count", remote, LENGTH, 0)).as("zeros").isEqualTo("" + LENGTH);
      RdmaPair.assertCompleted(engine.submit(write));
      assertThat(engine.metrics().get(Counter.TCP_CHOSEN_OVER_RDMA)).isZero();
    }
  }
}
