// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Registration;
import io.transferengine.Transfer;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.Map;

/** An engine over RDMA here and one in a peer, each with one registered range of equal length. */
final class RdmaPair implements AutoCloseable {
  /** No transfer of a test takes so long, whatever happens to it. */
  static final Duration LONG = Duration.ofSeconds(60);

  final Engine engine;
  final Mapped mine;
  final long length;
  private final Registration registration;
  private final String theirDevices;
  private final Map<String, String> peerVariables;
  private PeerProcess peer;
  private long remote;

  /** On the first device of each side. */
  RdmaPair(long length, Map<String, String> peerVariables) {
    this(length, RdmaPort.ours().device(), RdmaPort.theirs().device(), peerVariables);
  }

  RdmaPair(long length, String ourDevices, String theirDevices, Map<String, String> peerVariables) {
    this.length = length;
    this.theirDevices = theirDevices;
    this.peerVariables = peerVariables;
    engine =
        Engine.open(
            EngineConfig.builder(RdmaPort.ours().address())
                .protocol("rdma")
                .deviceName(ourDevices)
                .requireRdma(true)
                .transferTimeoutSeconds(30)
                .build());
    mine = Mapped.of(length);
    registration = engine.register(mine.segment());
    peer = startPeer();
    remote = offer();
  }

  private PeerProcess startPeer() {
    PeerProcess started = PeerProcess.start(peerVariables);
    try {
      started.initialize(RdmaPort.theirs().address(), "rdma", theirDevices);
      return started;
    } catch (Throwable t) {
      started.close();
      engine.close();
      throw t;
    }
  }

  private long offer() {
    long address = peer.map(length);
    assertThat(peer.call("registerMemory", address, length)).as("%s", peer.log()).isZero();
    return address;
  }

  PeerProcess peer() {
    return peer;
  }

  /** The address of the peer's range. */
  long remote() {
    return remote;
  }

  /** Another process in place of the peer, which is gone; under the same name if that is fixed. */
  void replacePeer() {
    peer.close();
    peer = startPeer();
    remote = offer();
  }

  TransferRequest request(Operation operation, long offset, long bytes) {
    return TransferRequest.of(
        operation, peer.name(), BlockColumns.of(mine.address() + offset, remote + offset, bytes));
  }

  Transfer submit(Operation operation, long offset, long bytes) {
    return engine.submit(request(operation, offset, bytes));
  }

  static TransferState end(Transfer transfer) {
    try {
      return transfer.await(LONG);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  static void assertCompleted(Transfer transfer) {
    TransferState state = end(transfer);
    assertThat(state).as("%s", transfer.failure()).isEqualTo(TransferState.COMPLETED);
  }

  /** A write and a read of all that this pair has, up to a megabyte, are right. */
  void assertWorks(long seed) {
    long bytes = Math.min(length, 1 << 20);
    Pattern.fill(mine.segment().asSlice(0, bytes), seed, 0);
    assertCompleted(submit(Operation.WRITE, 0, bytes));
    assertThat(peer.mismatch(remote, bytes, seed)).as("written").isEqualTo(-1);
    peer.fill(remote, bytes, seed + 1);
    assertCompleted(submit(Operation.READ, 0, bytes));
    assertThat(Pattern.firstMismatch(mine.segment().asSlice(0, bytes), seed + 1, 0))
        .as("read")
        .isEqualTo(-1);
  }

  /** Nothing has gone over TCP. */
  void assertOverRdmaOnly() {
    assertThat(engine.metrics().get(Counter.TCP_CHOSEN_OVER_RDMA)).isZero();
  }

  @Override
  public void close() {
    peer.close();
    registration.close();
    engine.close();
    mine.close();
  }
}
