// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.access.AccessPolicy;
import io.transferengine.access.AccessRights;
import io.transferengine.access.PeerIdentity;
import io.transferengine.access.RegisteredRange;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.SimulatedEngine.End;
import io.transferengine.transport.rdma.SimulatedEngine.Started;
import io.transferengine.verbs.SimulatedFabric;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the caller's policy lets a peer do over RDMA: its connection, not its requests, decide. */
@Timeout(120)
class RdmaPolicyTest {
  private static final int SIZE = 1 << 16;

  private final SimulatedFabric fabric = new SimulatedFabric(Long.getLong("seed", 1));
  private final Policy policy = new Policy();
  private final Arena arena = Arena.ofShared();
  private final SimulatedEngine here =
      new SimulatedEngine(
          fabric.process("here", List.of("sim0")),
          List.of("sim0"),
          Map.of("TE_RDMA_TO_TCP_SECONDS", "1"));
  private final SimulatedEngine guarded =
      new SimulatedEngine(
          fabric.process("guarded", List.of("sim0")),
          List.of("sim0"),
          Map.of(),
          0,
          Optional.of(policy));
  private final MemorySegment ours = here.register(SIZE);
  private final MemorySegment theirs = guarded.register(SIZE);

  private static final class Policy implements AccessPolicy {
    /** By the registration's address and whether to write. */
    volatile BiPredicate<Long, Boolean> lets = (_, _) -> true;

    @Override
    public boolean mayRead(PeerIdentity peer, RegisteredRange memory) {
      return peer.address().isLoopbackAddress() && lets.test(memory.address(), false);
    }

    @Override
    public boolean mayWrite(PeerIdentity peer, RegisteredRange memory) {
      return peer.address().isLoopbackAddress() && lets.test(memory.address(), true);
    }
  }

  RdmaPolicyTest() {
    ours.fill((byte) 1);
    theirs.fill((byte) 2);
  }

  @AfterEach
  void nothingIsLeft() {
    here.close();
    guarded.close();
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
    arena.close();
  }

  private Started write() {
    return here.write(guarded, BlockColumns.of(ours.address(), theirs.address(), SIZE));
  }

  private Started read() {
    return here.read(guarded, BlockColumns.of(ours.address(), theirs.address(), SIZE));
  }

  private static void assertEnds(Started started, TransferState state) throws Exception {
    End end = started.await();
    assertThat(end.state()).as("%s", end.failure()).isEqualTo(state);
  }

  private static void assertHolds(MemorySegment memory, int value) {
    byte[] expected = new byte[SIZE];
    java.util.Arrays.fill(expected, (byte) value);
    assertThat(memory.mismatch(MemorySegment.ofArray(expected))).isEqualTo(-1);
  }

  private long refused() {
    return guarded.metrics().snapshot().get(Counter.ACCESS_REFUSED_BY_POLICY);
  }

  @Test
  void whoMayDoAllGetsAConnectionForAll() throws Exception {
    assertEnds(write(), TransferState.COMPLETED);
    assertHolds(theirs, 1);
    theirs.fill((byte) 3);
    assertEnds(read(), TransferState.COMPLETED);
    assertHolds(ours, 3);
    assertThat(refused()).isZero();
  }

  /** Another transport gets the transfer, as with any path that does not open. */
  @Test
  void whoMayDoNothingGetsNoConnection() {
    policy.lets = (_, _) -> false;
    assertRefused();
  }

  @Test
  void whoMayOnlyReadWhatCanBeWrittenGetsNoConnection() {
    policy.lets = (_, write) -> !write;
    assertRefused();
  }

  @Test
  void whoMayUseSomeMemoryOnlyGetsNoConnection() {
    guarded.register(SIZE);
    policy.lets = (address, _) -> address == theirs.address();
    assertRefused();
  }

  private void assertRefused() {
    here.takeTasks();
    try (LogCapture log = new LogCapture()) {
      Started write = write();
      await().until(() -> here.handedOver().contains(write.task()));
      assertThat(refused()).isPositive();
      assertThat(log.warnings())
          .anyMatch(
              line -> line.startsWith("Refused 127.0.0.1: an RDMA connection: the access policy"));
      assertThat(here.metrics().snapshot().get(Counter.RDMA_PATHS_CONNECTED)).isZero();
      await()
          .untilAsserted(
              () ->
                  assertThat(here.metrics().snapshot().get(Counter.RDMA_PATHS_FAILED))
                      .isPositive());
    }
  }

  /** Before new memory can be reached, who may not reach it has lost its connection. */
  @Test
  void aConnectionThatDoesNotFitNewMemoryEndsBeforeThatIsReachable() throws Exception {
    assertEnds(write(), TransferState.COMPLETED);
    MemorySegment secret = arena.allocate(SIZE, 4096);
    policy.lets = (address, _) -> address == theirs.address();
    Region added;
    try (LogCapture _ = new LogCapture()) {
      added = guarded.registerAt(secret);
      assertThat(guarded.transport().nics().getFirst().endpoints().all()).isEmpty();
      here.takeTasks();
      Started write = write();
      await().until(() -> here.handedOver().contains(write.task()));
    }
    guarded.unregister(added);
    try (SimulatedEngine late =
        new SimulatedEngine(fabric.process("late", List.of("sim0")), List.of("sim0"), Map.of())) {
      MemorySegment memory = late.register(SIZE);
      assertEnds(
          late.write(guarded, BlockColumns.of(memory.address(), theirs.address(), SIZE)),
          TransferState.COMPLETED);
    }
    assertHolds(theirs, 0);
  }

  /** Where the rights refuse everybody, the policy has nothing to say. */
  @Test
  void aReaderHasAConnectionToWhatCanOnlyBeRead() throws Exception {
    policy.lets = (address, write) -> !write || address == theirs.address();
    assertEnds(read(), TransferState.COMPLETED);
    MemorySegment more = guarded.register(SIZE, AccessRights.READ_ONLY);
    more.fill((byte) 5);
    assertEnds(
        here.read(guarded, BlockColumns.of(ours.address(), more.address(), SIZE)),
        TransferState.COMPLETED);
    assertHolds(ours, 5);
    assertThat(here.metrics().snapshot().get(Counter.RDMA_PATHS_CONNECTED)).isEqualTo(1);
  }

  /** We reach a peer that may not reach us; over the same queue pairs it can do nothing here. */
  @Test
  void ourOwnTransfersNeedNoRightsOfThePeer() throws Exception {
    policy.lets = (_, _) -> false;
    assertEnds(
        guarded.write(here, BlockColumns.of(theirs.address(), ours.address(), SIZE)),
        TransferState.COMPLETED);
    assertHolds(ours, 2);
    ours.fill((byte) 6);
    here.takeTasks();
    try (LogCapture _ = new LogCapture()) {
      Started write = write();
      await().until(() -> write.end().isDone() || here.handedOver().contains(write.task()));
      assertHolds(theirs, 2);
    }
  }
}
