// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.TransferEngine;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the other tests of this package stand on. */
@Tag("rdma")
@Timeout(60)
class RdmaMachineTest {
  @Test
  void devicesAreUp() {
    assertThat(RdmaPort.usable()).isNotEmpty();
    assertThat(Shell.run("ibv_devices")).contains(RdmaPort.ours().device());
  }

  @Test
  void theGuestHasTwoRails() {
    RdmaPort.requireGuest();
    assertThat(RdmaPort.usable())
        .containsExactly(
            new RdmaPort("rxe0", "10.99.0.1"),
            new RdmaPort("rxe1", "10.99.0.2"),
            new RdmaPort("rxe2", "10.99.1.1"),
            new RdmaPort("rxe3", "10.99.1.2"));
    assertThat(RdmaPort.ours()).isEqualTo(new RdmaPort("rxe0", "10.99.0.1"));
    assertThat(RdmaPort.theirs()).isEqualTo(new RdmaPort("rxe1", "10.99.0.2"));
  }

  @Test
  void cablesCanBeCutAndMended() {
    RdmaPort.requireGuest();
    try {
      Shell.cut(1);
      assertThat(RdmaPort.usable()).extracting(RdmaPort::device).containsExactly("rxe0", "rxe1");
    } finally {
      Shell.mend(1);
    }
    assertThat(RdmaPort.usable()).hasSize(4);
  }

  @Test
  void tcpMovesBytesBetweenTheAddressesOfBothDevices() {
    long length = 1_000_003;
    try (PeerProcess peer = PeerProcess.start();
        TransferEngine engine = new TransferEngine();
        Mapped mine = Mapped.of(length)) {
      peer.initialize(RdmaPort.theirs().address());
      long remote = peer.allocate(length);
      assertThat(engine.initialize(RdmaPort.ours().address(), "P2PHANDSHAKE", "tcp", "")).isZero();
      assertThat(engine.registerMemory(mine.address(), length)).isZero();
      mine.fill(1);
      assertThat(engine.transferSyncWrite(peer.name(), mine.address(), remote, length)).isZero();
      assertThat(peer.mismatch(remote, length, 1)).isEqualTo(-1);
      peer.fill(remote, length, 2);
      assertThat(engine.transferSyncRead(peer.name(), mine.address(), remote, length)).isZero();
      assertThat(Pattern.firstMismatch(mine.segment(), 2, 0)).isEqualTo(-1);
    }
  }
}
