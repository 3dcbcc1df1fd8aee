// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.awaitility.Awaitility.await;

import io.transferengine.Transfer;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What must not work: it fails with a text that says why, and everything else goes on working. */
@Tag("rdma")
@Timeout(120)
class RdmaRefusalTest {
  private static final long LENGTH = 1 << 20;

  @SuppressWarnings("NullAway.Init") // open() is the first to run
  private static RdmaPair pair;

  @BeforeAll
  static void open() {
    pair = new RdmaPair(LENGTH, Map.of());
  }

  @AfterAll
  static void close() {
    pair.close();
  }

  private static Transfer submit(Operation operation, long local, long remote, long length) {
    return pair.engine.submit(
        TransferRequest.of(operation, pair.peer().name(), BlockColumns.of(local, remote, length)));
  }

  /** The transfer fails, and its failure names the peer and what to do. */
  private static void assertRefused(Transfer transfer) {
    assertThat(RdmaPair.end(transfer)).isEqualTo(TransferState.FAILED);
    assertThat(transfer.failure())
        .get(type(TransferException.class))
        .satisfies(
            failure -> {
              assertThat(failure).hasMessageContaining(pair.peer().name());
              assertThat(failure.remedy()).isNotBlank();
            });
  }

  /** We know the peer's key from before; the memory behind it is the peer's, but not offered. */
  @Test
  void aKeyThatIsNoLongerValid() {
    PeerProcess peer = pair.peer();
    for (Operation operation : Operation.values()) {
      long taken = peer.map(LENGTH);
      assertThat(peer.call("registerMemory", taken, LENGTH)).isZero();
      RdmaPair.assertCompleted(submit(operation, pair.mine.address(), taken, LENGTH));
      assertThat(peer.call("unregisterMemory", taken)).isZero();
      peer.fill(taken, LENGTH, 1);
      pair.mine.fill(2);

      assertRefused(submit(operation, pair.mine.address(), taken, LENGTH));

      assertThat(peer.mismatch(taken, LENGTH, 1)).as("the peer's memory").isEqualTo(-1);
      assertThat(Pattern.firstMismatch(pair.mine.segment(), 2, 0)).as("ours").isEqualTo(-1);
      pair.assertWorks(3);
      peer.ask("unmap", taken);
    }
  }

  /** Transfers to the same peer that are under way meanwhile are not harmed. */
  @Test
  void aRefusalDoesNotHurtTransfersUnderWay() {
    PeerProcess peer = pair.peer();
    long taken = peer.map(LENGTH);
    assertThat(peer.call("registerMemory", taken, LENGTH)).isZero();
    RdmaPair.assertCompleted(submit(Operation.WRITE, pair.mine.address(), taken, LENGTH));
    assertThat(peer.call("unregisterMemory", taken)).isZero();
    pair.mine.fill(4);
    peer.zero(pair.remote(), LENGTH);
    int parts = 16;
    long part = LENGTH / parts;
    Transfer[] good = new Transfer[parts];
    Transfer[] bad = new Transfer[parts];
    for (int i = 0; i < parts; i++) {
      good[i] = pair.submit(Operation.WRITE, i * part, part);
      bad[i] = submit(Operation.WRITE, pair.mine.address(), taken + i * part, part);
    }
    for (int i = 0; i < parts; i++) {
      assertRefused(bad[i]);
      RdmaPair.assertCompleted(good[i]);
    }
    assertThat(peer.mismatch(pair.remote(), LENGTH, 4)).isEqualTo(-1);
    pair.assertWorks(5);
    peer.ask("unmap", taken);
  }

  /** Refused whole: what of it lies inside the registration is not moved, either. */
  @Test
  void aRangeThatLeavesThePeersRegistration() {
    PeerProcess peer = pair.peer();
    long last = pair.remote() + LENGTH;
    peer.fill(pair.remote(), LENGTH, 6);
    pair.mine.fill(7);
    for (Operation operation : Operation.values()) {
      assertRefused(submit(operation, pair.mine.address(), last - 99, 100));
      assertRefused(submit(operation, pair.mine.address(), pair.remote() - 1, 2));
      assertRefused(submit(operation, pair.mine.address(), last + (1L << 40), 1));
      assertThat(peer.mismatch(pair.remote(), LENGTH, 6)).as("the peer's").isEqualTo(-1);
      assertThat(Pattern.firstMismatch(pair.mine.segment(), 7, 0)).as("ours").isEqualTo(-1);
    }
    pair.assertWorks(8);
  }

  @Test
  void aSourceThatIsNotRegistered() {
    try (Mapped stranger = Mapped.of(4096)) {
      for (Operation operation : Operation.values()) {
        assertThatThrownBy(() -> submit(operation, stranger.address(), pair.remote(), 4096))
            .isInstanceOfSatisfying(
                TransferException.class,
                refusal -> assertThat(refusal.code()).isEqualTo(ErrorCode.ADDRESS_NOT_REGISTERED));
      }
    }
    PeerProcess peer = pair.peer();
    long theirs = peer.map(4096);
    assertThat(peer.call("transferSyncWrite", pair.engine.segmentName(), theirs, 4096, 4096))
        .isEqualTo(-3);
    peer.ask("unmap", theirs);
    pair.assertWorks(9);
  }

  /** One engine of ours is refused by the kernel, and says what to raise; less than that works. */
  @Test
  void moreMemoryThanTheProcessMayPin() {
    RdmaPort.requireGuest();
    // Root may pin what it likes as long as it has the capability, which it cannot give itself
    // back after this.
    List<String> limited =
        List.of(
            "setpriv",
            "--bounding-set=-ipc_lock",
            "--inh-caps=-ipc_lock",
            "bash",
            "-c",
            "ulimit -l 8192; exec \"$@\"",
            "bash");
    try (PeerProcess peer = PeerProcess.start(limited, Map.of())) {
      RdmaPort port = RdmaPort.theirs();
      peer.initialize(port.address(), "rdma", port.device());
      long large = peer.map(64 << 20);
      assertThat(peer.call("registerMemory", large, 64 << 20)).isNegative();
      // The log arrives by another way than the answer.
      await()
          .untilAsserted(
              () ->
                  assertThat(String.join("\n", peer.log()))
                      .contains("ibv_reg_mr")
                      .contains("ENOMEM")
                      .containsIgnoringCase("memlock"));

      long small = peer.map(LENGTH);
      assertThat(peer.call("registerMemory", small, LENGTH)).as("%s", peer.log()).isZero();
      pair.mine.fill(10);
      RdmaPair.assertCompleted(
          pair.engine.submit(
              TransferRequest.of(
                  Operation.WRITE,
                  peer.name(),
                  BlockColumns.of(pair.mine.address(), small, LENGTH))));
      assertThat(peer.mismatch(small, LENGTH, 10)).isEqualTo(-1);
    }
  }

  @Test
  void aPeerThatIsNotThere() {
    try (LogCapture _ = new LogCapture()) {
      String nobody = RdmaPort.theirs().address() + ":1";
      Transfer transfer =
          pair.engine.submit(
              TransferRequest.of(
                  Operation.READ, nobody, BlockColumns.of(pair.mine.address(), 4096, 4096)));
      assertThat(RdmaPair.end(transfer)).isEqualTo(TransferState.FAILED);
      assertThat(transfer.failure()).get().asString().contains(nobody);
    }
    pair.assertWorks(11);
  }
}
