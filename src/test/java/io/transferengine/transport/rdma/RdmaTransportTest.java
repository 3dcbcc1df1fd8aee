// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.rdma.SimulatedEngine.End;
import io.transferengine.transport.rdma.SimulatedEngine.Started;
import io.transferengine.verbs.SimulatedDevice;
import io.transferengine.verbs.SimulatedVerbs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The transport over simulated devices: what it does with the wire's and the devices' failures. */
@Timeout(120)
class RdmaTransportTest extends SimulatedPair {
  private static final long MEMORY_BYTES = 1 << 20;

  private MemorySegment filled(SimulatedEngine engine) {
    MemorySegment memory = engine.register(MEMORY_BYTES);
    for (long i = 0; i < MEMORY_BYTES; i += Long.BYTES) {
      memory.set(ValueLayout.JAVA_LONG, i, random.nextLong());
    }
    return memory;
  }

  private static BlockColumns whole(MemorySegment local, MemorySegment remote) {
    return BlockColumns.of(local.address(), remote.address(), local.byteSize());
  }

  /** Blocks that are adjacent on neither side; the first half of the memory, in another order. */
  private BlockColumns scattered(MemorySegment local, MemorySegment remote, int bytes) {
    int count = (int) (local.byteSize() / (2L * bytes));
    long[] locals = new long[count];
    long[] remotes = new long[count];
    long[] lengths = new long[count];
    for (int i = 0; i < count; i++) {
      locals[i] = local.address() + 2L * i * bytes;
      remotes[i] = remote.address() + 2L * (count - 1 - i) * bytes;
      lengths[i] = bytes;
    }
    return BlockColumns.of(locals, remotes, lengths);
  }

  private static void assertMoved(BlockColumns blocks, MemorySegment local, MemorySegment remote) {
    for (int i = 0; i < blocks.count(); i++) {
      MemorySegment here = local.asSlice(blocks.local(i) - local.address(), blocks.length(i));
      MemorySegment there = remote.asSlice(blocks.remote(i) - remote.address(), blocks.length(i));
      assertThat(here.mismatch(there)).as("block %d", i).isEqualTo(-1);
    }
  }

  private static void assertCompleted(Started started) throws Exception {
    End end = started.await();
    assertThat(end.state()).as("%s", end.failure()).isEqualTo(TransferState.COMPLETED);
  }

  private static long count(SimulatedEngine engine, Counter counter) {
    return engine.metrics().snapshot().counters().getOrDefault(counter, 0L);
  }

  @Test
  void checksumsThatAreAskedForAreMissedOnceInTheLogAndEachTimeInTheCounter() throws Exception {
    SimulatedEngine a = open(left, Map.of("TE_CHECKSUM", "crc32c"), "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    try (LogCapture log = new LogCapture()) {
      assertCompleted(a.write(b, whole(here, there)));
      assertCompleted(a.write(b, whole(here, there)));
      assertThat(log.count("TE_CHECKSUM asks for checksums, which transfers over RDMA")).isOne();
    }
    assertThat(count(a, Counter.TRANSFERS_UNCHECKED)).isEqualTo(2);
  }

  @Test
  void writesAndReadsBothWays() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertCompleted(a.write(b, whole(here, there)));
    assertMoved(whole(here, there), here, there);

    MemorySegment fresh = filled(b);
    assertCompleted(a.read(b, scattered(here, fresh, 300)));
    assertMoved(scattered(here, fresh, 300), here, fresh);

    // The other side, over the queue pairs that are there.
    MemorySegment back = filled(b);
    assertCompleted(b.write(a, whole(back, here)));
    assertMoved(whole(back, here), back, here);
    assertThat(count(b, Counter.RDMA_PATHS_CONNECTED)).isEqualTo(1);
    assertThat(b.transport().nics().getFirst().endpoints().all()).hasSize(1);
  }

  @Test
  void movesBytesToItself() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    MemorySegment from = filled(a);
    MemorySegment to = filled(a);
    assertCompleted(a.write(a, whole(from, to)));
    assertMoved(whole(from, to), from, to);
  }

  @Test
  void survivesWhateverHappensToRequests() throws Exception {
    SimulatedEngine a = open(left, "sim0", "sim1");
    SimulatedEngine b = open(right, "sim0", "sim1");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    fabric.faults().delay(Duration.ofNanos(1), Duration.ofMillis(1));
    for (int round = 0; round < 12; round++) {
      there.fill((byte) round);
      if (round % 3 == 1) {
        fabric
            .faults()
            .failRequests(io.transferengine.verbs.WorkCompletionStatus.RETRY_EXCEEDED_ERROR, 1);
      } else if (round % 3 == 2) {
        fabric.faults().refusePost(random.nextInt(3) - 1, 12);
      }
      BlockColumns blocks = scattered(here, there, 500 + random.nextInt(3000));
      assertCompleted(a.write(b, blocks));
      assertMoved(blocks, here, there);
    }
  }

  @Test
  void refusesWhatThePeerHasNotPublished() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    MemorySegment before =
        MemorySegment.ofArray(there.asSlice(MEMORY_BYTES - 10).toArray(ValueLayout.JAVA_BYTE));
    End end =
        a.write(b, BlockColumns.of(here.address(), there.address() + MEMORY_BYTES - 10, 20))
            .await();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.cause()).contains(FailureCause.STALE_DESCRIPTOR);
    assertThat(end.failure().orElseThrow().code()).isEqualTo(ErrorCode.ADDRESS_NOT_REGISTERED);
    assertThat(there.asSlice(MEMORY_BYTES - 10).mismatch(before)).isEqualTo(-1);
    assertCompleted(a.write(b, whole(here, there)));
  }

  @Test
  void aKeyThatIsGoneFailsItsTransferAndNoOther() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment kept = filled(b);
    MemorySegment gone = java.lang.foreign.Arena.ofAuto().allocate(MEMORY_BYTES, 4096);
    Region region = b.registerAt(gone);
    PeerAddress old = b.address();
    b.unregister(region);
    gone.fill((byte) 1);
    Started bad = a.submit(Operation.WRITE, old, whole(here, gone));
    Started good = a.submit(Operation.WRITE, old, whole(here, kept));
    End end = bad.await();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.cause()).contains(FailureCause.STALE_DESCRIPTOR);
    assertThat(end.failure().orElseThrow()).hasMessageContaining("REMOTE_ACCESS_ERROR");
    assertCompleted(good);
    assertMoved(whole(here, kept), here, kept);
    assertThat(gone.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 1);
  }

  @Test
  void aRegistrationThatADeviceRefusesLeavesNothing() {
    SimulatedEngine a = open(left, "sim0", "sim1");
    left.device("sim1").refuseRegistration(1);
    assertThatThrownBy(() -> a.register(MEMORY_BYTES))
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("sim1")
        .hasMessageContaining("ENOMEM")
        .hasMessageContaining("ulimit -l");
    assertThat(a.register(MEMORY_BYTES).byteSize()).isEqualTo(MEMORY_BYTES);
  }

  @Test
  void devicesMayRegisterAtOnce() throws Exception {
    SimulatedEngine a = open(left, Map.of("MC_ENABLE_PARALLEL_REG_MR", "1"), "sim0", "sim1");
    SimulatedEngine b = open(right, "sim0");
    left.device("sim0").refuseRegistration(1);
    assertThatThrownBy(() -> a.register(MEMORY_BYTES))
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("sim0")
        .hasMessageContaining("ENOMEM");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertCompleted(a.write(b, whole(here, there)));
    assertMoved(whole(here, there), here, there);
    assertThat(a.descriptor().buffers().getFirst().rkeys()).hasSize(2);
  }

  @Test
  void aDeadPeerHarmsNoOther() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine alive = open(right, "sim0");
    SimulatedVerbs third = fabric.process("third", List.of("sim0"));
    SimulatedEngine dying = new SimulatedEngine(third, List.of("sim0"), Map.of());
    MemorySegment here = filled(a);
    MemorySegment there = filled(alive);
    MemorySegment lost = filled(dying);
    PeerAddress old = dying.address();
    BlockColumns toLost = whole(here, lost);
    assertCompleted(a.write(dying, toLost));
    dying.close();
    Started toDead = a.submit(Operation.WRITE, old, toLost);
    for (int round = 0; round < 20; round++) {
      there.fill((byte) round);
      assertCompleted(a.write(alive, whole(here, there)));
      assertMoved(whole(here, there), here, there);
    }
    assertThat(toDead.await().state()).isEqualTo(TransferState.FAILED);
    assertThat(a.transport().nics().getFirst().isUsable()).isTrue();
  }

  @Test
  void aCanceledTransferTouchesNoMemoryAfterItsEnd() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertCompleted(a.read(b, whole(here, there)));
    fabric.faults().hold();
    here.fill((byte) 9);
    Started read = a.read(b, whole(here, there));
    await().until(() -> read.task().isStarted());
    read.task()
        .end(
            TransferState.CANCELED,
            new TransferException(ErrorCode.INVALID_ARGUMENT, "canceled", ""),
            FailureCause.CANCELED);
    assertThat(read.await().state()).isEqualTo(TransferState.CANCELED);
    fabric.faults().release();
    assertCompleted(a.write(b, BlockColumns.of(here.address(), there.address(), 1)));
    for (long i = 0; i < MEMORY_BYTES; i++) {
      assertThat(here.get(ValueLayout.JAVA_BYTE, i)).isEqualTo((byte) 9);
    }
  }

  @Test
  void aLargeTransferGoesOverAllDevices() throws Exception {
    SimulatedEngine a = open(left, "sim0", "sim1");
    SimulatedEngine b = open(right, "sim0", "sim1");
    // Of a task of some megabytes a path may have out no more than its share (RdmaPeer).
    long bytes = 8 * MEMORY_BYTES;
    MemorySegment here = a.register(bytes);
    MemorySegment there = b.register(bytes);
    a.transport().warmUp(b.address());
    await()
        .until(
            () ->
                a.transport().nics().stream()
                    .allMatch(
                        nic ->
                            !nic.endpoints().all().isEmpty()
                                && nic.endpoints().all().getFirst().state()
                                    == RdmaEndpoint.State.CONNECTED));
    fabric.faults().hold();
    Started write = a.write(b, scattered(here, there, 16_000));
    for (RdmaNic nic : a.transport().nics()) {
      RdmaEndpoint endpoint = nic.endpoints().all().getFirst();
      await()
          .untilAsserted(
              () ->
                  assertThat(endpoint.usedNanos() - endpoint.connectedNanos())
                      .as(nic.name())
                      .isPositive());
    }
    fabric.faults().release();
    assertCompleted(write);
  }

  @Test
  void oneRailDownLeavesTheOtherAndComesBack() throws Exception {
    SimulatedEngine a = open(left, "sim0", "sim1");
    SimulatedEngine b = open(right, "sim0", "sim1");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertCompleted(a.write(b, scattered(here, there, 1000)));
    for (SimulatedDevice device : List.of(right.device("sim0"), right.device("sim1"))) {
      fabric.faults().cut(left.device("sim0"), device);
    }
    for (int round = 0; round < 5; round++) {
      there.fill((byte) round);
      assertCompleted(a.write(b, scattered(here, there, 1000)));
      assertMoved(scattered(here, there, 1000), here, there);
    }
    for (SimulatedDevice device : List.of(right.device("sim0"), right.device("sim1"))) {
      fabric.faults().mend(left.device("sim0"), device);
    }
    await()
        .untilAsserted(
            () -> {
              assertCompleted(a.write(b, scattered(here, there, 1000)));
              assertThat(a.transport().knownPeers().getFirst().paths()).allMatch(RdmaPath::isOpen);
            });
  }

  @Test
  void pairsWithoutARouteAreLearnt() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0", "sim1");
    fabric.faults().refuseRoute(left.device("sim0"), right.device("sim0"));
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertCompleted(a.write(b, whole(here, there)));
    RdmaPath path = a.transport().knownPeers().getFirst().paths().getFirst();
    assertThat(path.partner()).isEqualTo("sim1");
  }

  @Test
  void waitsForThePortToComeBack() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertCompleted(a.write(b, whole(here, there)));
    left.device("sim0").portDown();
    there.fill((byte) 0);
    Started write = a.write(b, whole(here, there));
    await()
        .until(
            () ->
                a.transport().knownPeers().getFirst().paths().stream().noneMatch(RdmaPath::isOpen));
    assertThat(write.end()).isNotDone();
    assertThat(a.transport().problems())
        .singleElement()
        .satisfies(problem -> assertThat(problem.what()).contains("the RDMA device sim0 is down"));
    left.device("sim0").portUp();
    assertCompleted(write);
    assertMoved(whole(here, there), here, there);
    assertThat(a.transport().problems()).isEmpty();
  }

  @Test
  void goesOnWithoutADeviceThatIsGone() throws Exception {
    SimulatedEngine a = open(left, "sim0", "sim1");
    SimulatedEngine b = open(right, "sim0", "sim1");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertCompleted(a.write(b, whole(here, there)));
    left.device("sim0").remove();
    await().until(() -> a.transport().nics().getFirst().isFailed());
    assertThat(a.transport().problems())
        .singleElement()
        .satisfies(problem -> assertThat(problem.what()).isEqualTo("The RDMA device sim0 is gone"));
    there.fill((byte) 0);
    assertCompleted(a.write(b, scattered(here, there, 1000)));
    assertMoved(scattered(here, there, 1000), here, there);
    assertThat(a.descriptor().devices()).extracting("name").containsExactly("sim1");
  }

  @Test
  void aWorkerThatDiesLeavesItsWorkToOtherDevices() throws Exception {
    SimulatedEngine a = open(left, "sim0", "sim1");
    SimulatedEngine b = open(right, "sim0", "sim1");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertCompleted(a.write(b, scattered(here, there, 1000)));
    there.fill((byte) 0);
    fabric.faults().hold();
    Started write = a.write(b, scattered(here, there, 1000));
    await().until(() -> write.task().isStarted());
    // On whichever side and device: its completion queue is broken.
    fabric
        .faults()
        .throwFrom(
            "ibv_poll_cq", 0, new io.transferengine.os.NativeCallException("ibv_poll_cq", "", 5));
    fabric.faults().release();
    assertCompleted(write);
    assertMoved(scattered(here, there, 1000), here, there);
    await()
        .until(
            () ->
                java.util.stream.Stream.of(a, b)
                    .anyMatch(engine -> engine.descriptor().devices().size() == 1));
  }

  @Test
  void aRestartedPeerIsReachedByTheNextTransfer() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = new SimulatedEngine(right, List.of("sim0"), Map.of());
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    int port = b.rpcPort();
    PeerAddress old = b.address();
    assertCompleted(a.write(b, whole(here, there)));
    b.close();
    SimulatedEngine again = new SimulatedEngine(right, List.of("sim0"), Map.of(), port);
    engines.add(again);
    MemorySegment fresh = filled(again);
    End end =
        a.submit(
                Operation.WRITE,
                old,
                BlockColumns.of(here.address(), old.descriptor().buffers().getFirst().address(), 9))
            .await();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.cause()).as("so that it is repeated").contains(FailureCause.STALE_DESCRIPTOR);
    assertCompleted(a.write(again, whole(here, fresh)));
    assertMoved(whole(here, fresh), here, fresh);
  }

  @Test
  void whatWaitsForTheOldProcessMayAskAgainWhenTheNewOneIsKnown() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    PeerAddress before = as(b.address(), "before");
    left.device("sim0").portDown();
    Started waiting = a.submit(Operation.WRITE, before, whole(here, there));
    Started second = a.write(b, whole(here, there));
    assertThat(waiting.await().cause()).contains(FailureCause.STALE_DESCRIPTOR);
    left.device("sim0").portUp();
    assertCompleted(second);
  }

  /** It may have arrived, for the peer may be well: the engine must not take it to be harmless. */
  @Test
  void whatIsPostedForTheOldProcessIsNotSentAgainWhenTheNewOneIsKnown() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    MemorySegment elsewhere = filled(b);
    PeerAddress before = as(b.address(), "before");
    PeerAddress now = b.address();
    assertCompleted(a.submit(Operation.WRITE, before, whole(here, there)));
    there.fill((byte) 3);
    fabric.faults().hold();
    Started posted = a.submit(Operation.WRITE, before, whole(here, there));
    await().until(() -> posted.task().isStarted());
    Started second = a.submit(Operation.WRITE, now, whole(here, elsewhere));
    End end = posted.await();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.cause()).as("not to be repeated").contains(FailureCause.CONNECTION_LOST);
    assertThat(end.failure().orElseThrow())
        .hasMessageContainingAll("restarted, or is reached in another way", "Segment.refresh");
    byte[] rest = there.toArray(ValueLayout.JAVA_BYTE);
    fabric.faults().release();
    assertCompleted(second);
    assertMoved(whole(here, elsewhere), here, elsewhere);
    assertThat(there.mismatch(MemorySegment.ofArray(rest)))
        .as("nothing of it arrives behind its end")
        .isEqualTo(-1);
    assertThat(a.transport().knownPeers()).hasSize(1);
    assertCompleted(a.write(b, whole(here, there)));
    assertMoved(whole(here, there), here, there);
  }

  private static PeerAddress as(PeerAddress peer, String incarnation) {
    return new PeerAddress(
        peer.descriptor().toBuilder().incarnation(Optional.of(incarnation)).build(),
        peer.addresses());
  }

  @Test
  void aPeerThatIsGoneFailsItsTransfers() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = new SimulatedEngine(right, List.of("sim0"), Map.of());
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    PeerAddress old = b.address();
    long remote = there.address();
    assertCompleted(a.write(b, whole(here, there)));
    b.close();
    End end = a.submit(Operation.WRITE, old, BlockColumns.of(here.address(), remote, 1000)).await();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.cause()).contains(FailureCause.CONNECTION_LOST);
  }

  @Test
  void withoutAPathTheTaskIsHandedOver() throws Exception {
    SimulatedEngine a = open(left, Map.of("TE_RDMA_TO_TCP_SECONDS", "1"), "sim0");
    SimulatedEngine b = open(right, "sim0");
    a.takeTasks();
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertCompleted(a.write(b, whole(here, there)));
    fabric.faults().cut(left.device("sim0"), right.device("sim0"));
    Started write = a.write(b, whole(here, there));
    await().until(() -> !a.handedOver().isEmpty());
    assertThat(a.handedOver()).containsExactly(write.task());
    assertThat(write.task().isQuiet()).isTrue();
    write
        .task()
        .end(
            TransferState.CANCELED,
            new TransferException(ErrorCode.INVALID_ARGUMENT, "canceled", ""),
            FailureCause.CANCELED);
    assertThat(write.await().state()).isEqualTo(TransferState.CANCELED);
  }

  @Test
  void fullOfEndpointsTheOldestMakesRoom() throws Exception {
    SimulatedEngine a = open(left, Map.of("MC_MAX_EP_PER_CTX", "2"), "sim0");
    MemorySegment here = filled(a);
    for (int i = 0; i < 5; i++) {
      SimulatedEngine b = open(right, "sim0");
      MemorySegment there = filled(b);
      assertCompleted(a.write(b, whole(here, there)));
      assertMoved(whole(here, there), here, there);
    }
    assertThat(count(a, Counter.RDMA_ENDPOINTS_EVICTED)).isEqualTo(3);
    assertThat(a.transport().nics().getFirst().endpoints().all()).hasSizeLessThanOrEqualTo(2);
  }

  @Test
  void differentNumbersOfQueuePairsAreNamed() throws Exception {
    SimulatedEngine a = open(left, Map.of("MC_NUM_QP_PER_EP", "3", "MC_RETRY_CNT", "1"), "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    End end = a.write(b, whole(here, there)).await();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.failure().orElseThrow())
        .hasMessageContaining("QP count mismatch")
        .hasMessageContaining("MC_NUM_QP_PER_EP");
  }

  @Test
  void largeRegistrationsAreCut() throws Exception {
    SimulatedEngine a = open(left, Map.of("MC_MAX_MR_SIZE", "131072"), "sim0");
    SimulatedEngine b = open(right, Map.of("MC_MAX_MR_SIZE", "196608"), "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertThat(a.descriptor().buffers()).hasSize(8);
    assertThat(b.descriptor().buffers()).hasSize(6);
    BlockColumns odd =
        BlockColumns.of(here.address() + 7, there.address() + 100, MEMORY_BYTES - 100);
    assertCompleted(a.write(b, odd));
    assertMoved(odd, here, there);
  }
}
