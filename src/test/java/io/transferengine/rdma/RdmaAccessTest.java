// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Registration;
import io.transferengine.RegistrationOptions;
import io.transferengine.Transfer;
import io.transferengine.access.AccessPolicy;
import io.transferengine.access.AccessRights;
import io.transferengine.access.PeerIdentity;
import io.transferengine.access.RegisteredRange;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What peers may do with registered memory, between two processes over RDMA. */
@Tag("rdma")
@Timeout(120)
class RdmaAccessTest {
  private static final long LENGTH = 1 << 20;

  private static long register(PeerProcess peer, AccessRights rights) {
    long address = peer.map(LENGTH);
    assertThat(peer.call("registerMemory", address, LENGTH, "*", rights)).isZero();
    peer.fill(address, LENGTH, 1);
    return address;
  }

  private static Transfer submit(RdmaPair pair, Operation operation, long remote) {
    return pair.engine.submit(
        TransferRequest.of(
            operation, pair.peer().name(), BlockColumns.of(pair.mine.address(), remote, LENGTH)));
  }

  @Test
  void whatTheRightsAllowIsDoneAndTheRestIsNot() {
    try (RdmaPair pair = new RdmaPair(LENGTH, Map.of())) {
      PeerProcess peer = pair.peer();
      long readOnly = register(peer, AccessRights.READ_ONLY);
      long writeOnly = register(peer, AccessRights.WRITE_ONLY);
      pair.mine.fill(2);
      assertThat(RdmaPair.end(submit(pair, Operation.WRITE, readOnly)))
          .isEqualTo(TransferState.FAILED);
      assertThat(peer.mismatch(readOnly, LENGTH, 1)).isEqualTo(-1);
      assertThat(RdmaPair.end(submit(pair, Operation.READ, writeOnly)))
          .isEqualTo(TransferState.FAILED);
      assertThat(Pattern.firstMismatch(pair.mine.segment(), 2, 0)).isEqualTo(-1);

      RdmaPair.assertCompleted(submit(pair, Operation.WRITE, writeOnly));
      assertThat(peer.mismatch(writeOnly, LENGTH, 2)).isEqualTo(-1);
      RdmaPair.assertCompleted(submit(pair, Operation.READ, readOnly));
      assertThat(Pattern.firstMismatch(pair.mine.segment(), 1, 0)).isEqualTo(-1);
      pair.assertWorks(3);
      pair.assertOverRdmaOnly();
    }
  }

  /** Over RDMA a peer reaches all that the rights allow, or nothing. */
  @Test
  void aPeerReachesUsOnceThePolicyLetsIt() {
    AtomicBoolean open = new AtomicBoolean();
    AccessPolicy policy =
        new AccessPolicy() {
          @Override
          public boolean mayRead(PeerIdentity peer, RegisteredRange memory) {
            return open.get();
          }

          @Override
          public boolean mayWrite(PeerIdentity peer, RegisteredRange memory) {
            return open.get();
          }
        };
    try (Engine engine =
            Engine.open(
                EngineConfig.builder(RdmaPort.ours().address())
                    .protocol("rdma")
                    .deviceName(RdmaPort.ours().device())
                    .requireRdma(true)
                    .accessPolicy(policy)
                    .build());
        Mapped memory = Mapped.of(LENGTH);
        Registration registration = engine.register(memory.segment(), RegistrationOptions.DEFAULT);
        PeerProcess peer = PeerProcess.start(Map.of("TE_REQUIRE_RDMA", "1"))) {
      peer.initialize(RdmaPort.theirs().address(), "rdma", RdmaPort.theirs().device());
      long theirs = register(peer, AccessRights.READ_WRITE);
      memory.fill(4);
      // We may use the peer's memory all the same, over queue pairs that do not lead back.
      RdmaPair.assertCompleted(
          engine.submit(
              TransferRequest.of(
                  Operation.READ,
                  peer.name(),
                  BlockColumns.of(registration.address(), theirs, LENGTH))));
      memory.fill(4);
      String name = engine.segmentName();
      long ours = registration.address();
      assertThat(peer.call("transferSyncWrite", name, theirs, ours, LENGTH)).isNegative();
      assertThat(Pattern.firstMismatch(memory.segment(), 4, 0)).isEqualTo(-1);
      open.set(true);
      assertThat(peer.call("transferSyncWrite", name, theirs, ours, LENGTH)).isZero();
      assertThat(Pattern.firstMismatch(memory.segment(), 1, 0)).isEqualTo(-1);
      assertThat(engine.metrics().get(Counter.INBOUND_REQUESTS)).as("over TCP").isZero();
    }
  }
}
