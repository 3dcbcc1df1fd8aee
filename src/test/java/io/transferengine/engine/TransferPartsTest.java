// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.config.TransportPolicy;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A batch of which each of two transports moves a part, and each way in which it may end. */
@Timeout(60)
class TransferPartsTest {
  private static final String PEER = "127.0.0.1:1";
  private static final long THERE = 1L << 40;
  private static final int BLOCK = 100;

  private final TransferException lost = new TransferException(ErrorCode.SOCKET, "lost", "");
  private final TransferException stale =
      new TransferException(ErrorCode.ADDRESS_NOT_REGISTERED, "old key", "");

  private final Mapped mine = Mapped.of(8192);
  private final LocalMemory memory = new LocalMemory(1 << 20, new IdleUsers());
  private final Region host = memory.register(mine.address(), 4096, "cpu:0");
  private final Region device = memory.register(mine.address() + 4096, 4096, "cuda:0");
  private final Half tcp = new Half("tcp", false);
  private final Half rdma = new Half("rdma", true);
  private int questionsLeft = Integer.MAX_VALUE;
  private boolean unsure;
  private final EngineMetrics metrics = new EngineMetrics();
  private final List<RemoteSegment> found = new ArrayList<>();
  private final SegmentCache segments = new SegmentCache((_, _) -> find(), Runnable::run, false);
  private final ActiveTransfers active =
      TestTransfers.of(
          memory, segments, metrics, Optional.empty(), Runnable::run, (name, notification) -> {});

  /** Moves host memory only, or device memory only; the test does its work. */
  private final class Half extends HeldTransport implements TransferTask.Owner {
    final List<TransferTask> canceled = new ArrayList<>();
    final List<TransferTask> cutOff = new ArrayList<>();
    private final String name;
    private final boolean forDevice;
    @Nullable Error submitting;
    boolean refusing;
    @Nullable Error canceling;

    Half(String name, boolean forDevice) {
      this.name = name;
      this.forDevice = forDevice;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public boolean moves(MemoryKind local, MemoryKind peer) {
      if (questionsLeft-- == 0) {
        if (unsure) {
          return false;
        }
        throw new OutOfMemoryError("no room for an answer");
      }
      return local.isHost() != forDevice && peer.isHost();
    }

    @Override
    public void submit(PeerAddress peer, TransferTask task) {
      if (submitting != null) {
        throw submitting;
      }
      if (refusing) {
        task.end(TransferState.FAILED, lost, FailureCause.LOCAL);
        return;
      }
      task.setOwner(this);
      super.submit(peer, task);
    }

    @Override
    public void cancelRequests(TransferTask task) {
      canceled.add(task);
      if (canceling != null) {
        throw canceling;
      }
    }

    @Override
    public void cutOff(TransferTask task) {
      cutOff.add(task);
    }

    TransferTask next() throws InterruptedException {
      TransferTask task = tasks.poll(30, TimeUnit.SECONDS);
      assertThat(task).isNotNull();
      return task;
    }
  }

  private RemoteSegment find() {
    List<Long> key = List.of(1L);
    RemoteSegment peer =
        RemoteSegment.of(
            PEER,
            new PeerAddress(
                SegmentDescriptor.builder(PEER, SegmentDescriptor.RDMA)
                    .buffers(
                        List.of(
                            new BufferDescriptor("cpu:0", THERE, 8192, key, key),
                            new BufferDescriptor("cuda:5", THERE + 8192, 8192, key, key)))
                    .build(),
                List.of(InetAddress.getLoopbackAddress())),
            List.of(tcp, rdma));
    found.add(peer);
    return peer;
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(host.inFlight()).isZero();
    assertThat(device.inFlight()).isZero();
    memory.close(Duration.ofSeconds(5));
    mine.close();
  }

  /** Blocks of host and device memory in turn, each to where the peer has the same. */
  private TransferHandle mixed(int blocks) {
    long[] local = new long[blocks];
    long[] remote = new long[blocks];
    long[] length = new long[blocks];
    for (int i = 0; i < blocks; i++) {
      // Those of one kind are adjacent to each other.
      int offset = i % 2 * 4096 + i / 2 * BLOCK;
      local[i] = mine.address() + offset;
      remote[i] = THERE + offset;
      length[i] = BLOCK;
    }
    return submit(BlockColumns.of(local, remote, length));
  }

  private TransferHandle submit(BlockColumns blocks) {
    return active.submit(TransferRequest.of(Operation.WRITE, PEER, blocks));
  }

  /** Hands out what is left, in requests of one block, and leaves it out. */
  private static List<Long> claim(TransferTask task, int most) {
    List<Long> places = new ArrayList<>();
    int _ =
        task.claim(
            (_, _, _, remote, length, _) -> {
              assertThat(length).isEqualTo(BLOCK);
              places.add(remote - THERE);
            },
            most,
            Long.MAX_VALUE,
            BLOCK);
    return places;
  }

  private static void moveAll(TransferTask task) {
    int requests = claim(task, Integer.MAX_VALUE).size();
    task.completed(requests, (long) requests * BLOCK);
  }

  private long count(Counter counter) {
    return metrics.snapshot().counters().getOrDefault(counter, 0L);
  }

  private void assertMemoryIsUsed() {
    assertThat(host.inFlight()).isEqualTo(1);
    assertThat(device.inFlight()).isEqualTo(1);
  }

  private void assertEnd(TransferHandle transfer, TransferState state, TransferException why) {
    assertThat(transfer.state()).isEqualTo(state);
    assertThat(transfer.failure()).contains(why);
    assertThat(host.inFlight()).isZero();
    assertThat(device.inFlight()).isZero();
    assertThat(count(Counter.TRANSFERS_SUBMITTED)).isEqualTo(1);
    assertThat(count(Counter.TRANSFERS_FAILED)).isEqualTo(state == TransferState.FAILED ? 1 : 0);
  }

  // ---- what is moved

  @Test
  void eachBlockGoesToATransportThatMovesIt() throws Exception {
    TransferHandle transfer = mixed(6);
    TransferTask here = tcp.next();
    TransferTask there = rdma.next();
    assertThat(transfer.state()).isEqualTo(TransferState.WAITING);
    assertThat(claim(here, 10)).containsExactly(0L, 100L, 200L);
    assertThat(transfer.state()).isEqualTo(TransferState.PENDING);
    assertThat(claim(there, 10)).containsExactly(4096L, 4196L, 4296L);
    here.completed(3, 3 * BLOCK);
    assertThat(transfer.state()).isEqualTo(TransferState.PENDING);
    assertThat(transfer.transferredBytes()).isEqualTo(3 * BLOCK);
    assertMemoryIsUsed();
    there.completed(1, BLOCK);
    assertThat(transfer.transferredBytes()).isEqualTo(4 * BLOCK);
    assertThat(transfer.progressNanos()).isEqualTo(there.progressNanos());
    there.completed(2, 2 * BLOCK);
    assertThat(transfer.state()).isEqualTo(TransferState.COMPLETED);
    assertThat(transfer.transferredBytes()).isEqualTo(6 * BLOCK);
    assertThat(count(Counter.TRANSFERS_SUBMITTED)).isEqualTo(1);
    assertThat(count(Counter.TRANSFERS_COMPLETED)).isEqualTo(1);
    assertThat(count(Counter.BYTES_WRITTEN)).isEqualTo(6 * BLOCK);
  }

  @Test
  void progressOfEitherIsProgress() throws Exception {
    TransferHandle transfer = mixed(4);
    TransferTask here = tcp.next();
    TransferTask there = rdma.next();
    for (TransferTask task : List.of(there, here)) {
      assertThat(claim(task, 1)).hasSize(1);
      task.completed(1, BLOCK);
      assertThat(transfer.progressNanos()).isEqualTo(task.progressNanos());
    }
    assertThat(transfer.describe())
        .contains("TCP: 0 requests out, 100 of 200 bytes", "RDMA: 0 requests out, 100 of 200");
    moveAll(here);
    moveAll(there);
  }

  @Test
  void aBatchThatOneTransportMovesIsNotSplit() throws Exception {
    TransferHandle transfer = submit(BlockColumns.of(mine.address(), THERE, BLOCK));
    moveAll(tcp.next());
    assertThat(transfer.state()).isEqualTo(TransferState.COMPLETED);
    assertThat(rdma.tasks).isEmpty();
  }

  @Test
  void blocksThatNoneMovesFailTheBatchBeforeAnyIsMoved() {
    long[] local = {mine.address(), mine.address() + 4096, mine.address() + 4196};
    long[] remote = {THERE, THERE + 4096, THERE + 8192};
    TransferHandle transfer = submit(BlockColumns.of(local, remote, new long[] {1, 1, 1}));
    assertThat(transfer.state()).isEqualTo(TransferState.FAILED);
    assertThat(transfer.failure().orElseThrow())
        .hasMessageContainingAll(
            PEER,
            "reached over TCP and RDMA, which cannot move the device memory",
            "device memory (cuda:0) here and device memory (cuda:5) there",
            "Copy the data to host memory");
    assertThat(tcp.tasks).isEmpty();
    assertThat(rdma.tasks).isEmpty();
  }

  @Test
  void aPeerThatRefusesMergedRequestsIsRemembered() throws Exception {
    TransferHandle transfer = mixed(8);
    moveAll(tcp.next());
    TransferTask task = rdma.next();
    int _ =
        task.claim(
            (of, block, local, remote, length, unmerged) -> assertThat(length).isEqualTo(4 * BLOCK),
            1,
            Long.MAX_VALUE,
            Long.MAX_VALUE);
    assertThat(task.rejected(0, device.address(), 4 * BLOCK, false, lost)).isTrue();
    moveAll(task);
    assertThat(transfer.state()).isEqualTo(TransferState.COMPLETED);
    TransferHandle next = mixed(4);
    for (Half each : List.of(tcp, rdma)) {
      TransferTask following = each.next();
      assertThat(following.isMergeRefused()).isTrue();
      moveAll(following);
    }
    assertThat(next.state()).isEqualTo(TransferState.COMPLETED);
  }

  // ---- one outcome

  @Test
  void theFirstFailureEndsTheOtherPart() throws Exception {
    TransferHandle transfer = mixed(4);
    TransferTask here = tcp.next();
    TransferTask there = rdma.next();
    assertThat(claim(here, 2)).hasSize(2);
    assertThat(claim(there, 1)).hasSize(1);
    there.failed(lost, FailureCause.CONNECTION_LOST);
    assertThat(tcp.canceled).containsExactly(here);
    assertThat(transfer.state()).isEqualTo(TransferState.PENDING);
    assertMemoryIsUsed();
    here.completed(1, BLOCK);
    assertMemoryIsUsed();
    here.orphaned(1);
    assertEnd(transfer, TransferState.FAILED, lost);
    assertThat(transfer.transferredBytes()).isEqualTo(BLOCK);
    assertThat(segments.known(PEER)).isNull();
  }

  @Test
  void aPartWithoutRequestsOutEndsAtOnce() throws Exception {
    TransferHandle transfer = mixed(4);
    TransferTask here = tcp.next();
    here.end(TransferState.FAILED, lost, FailureCause.OTHER);
    assertEnd(transfer, TransferState.FAILED, lost);
    assertThat(claim(rdma.next(), 1)).isEmpty();
  }

  @Test
  void aPartThatIsThereStaysThereIfAnotherFails() throws Exception {
    TransferHandle transfer = mixed(4);
    moveAll(tcp.next());
    rdma.next().end(TransferState.FAILED, lost, FailureCause.OTHER);
    assertEnd(transfer, TransferState.FAILED, lost);
    assertThat(transfer.transferredBytes()).isEqualTo(2 * BLOCK);
  }

  @Test
  void aCancelEndsAllParts() throws Exception {
    TransferHandle transfer = mixed(4);
    TransferTask here = tcp.next();
    TransferTask there = rdma.next();
    assertThat(claim(here, 1)).hasSize(1);
    assertThat(claim(there, 1)).hasSize(1);
    // What the first one throws does not keep the second one from its end.
    tcp.canceling = new OutOfMemoryError("no room for a message to the loop");
    assertThatThrownBy(transfer::cancel).isSameAs(tcp.canceling);
    assertThat(rdma.canceled).containsExactly(there);
    assertThat(tcp.canceled).containsExactly(here);
    assertThat(transfer.state()).isEqualTo(TransferState.PENDING);
    there.orphaned(1);
    assertMemoryIsUsed();
    here.orphaned(1);
    assertThat(transfer.state()).isEqualTo(TransferState.CANCELED);
    assertThat(tcp.canceled).hasSize(1);
    assertThat(count(Counter.TRANSFERS_CANCELED)).isEqualTo(1);
  }

  @Test
  void aCancelThatFindsEveryByteThereDoesNotCount() throws Exception {
    TransferHandle transfer = mixed(2);
    TransferTask here = tcp.next();
    moveAll(rdma.next());
    assertThat(claim(here, 1)).hasSize(1);
    assertThat(transfer.cancel()).isTrue();
    here.completed(1, BLOCK);
    assertThat(transfer.state()).isEqualTo(TransferState.COMPLETED);
  }

  @Test
  void whatTheSecondTransportThrowsEndsWhatTheFirstHasBegun() throws Exception {
    rdma.submitting = new OutOfMemoryError("no room for a task");
    TransferHandle transfer = mixed(4);
    TransferTask here = tcp.next();
    assertThat(transfer.state()).isEqualTo(TransferState.FAILED);
    assertThat(transfer.failure().orElseThrow()).hasMessageContaining("no room for a task");
    assertThat(claim(here, 1)).isEmpty();
  }

  @Test
  void whatTheFirstTransportRefusesIsNotBegunAtTheSecond() {
    tcp.refusing = true;
    TransferHandle transfer = mixed(4);
    assertEnd(transfer, TransferState.FAILED, lost);
    assertThat(rdma.tasks).isEmpty();
  }

  /** All or nothing: no block may be left out because a transport says one thing and another. */
  @Test
  void aTransportThatAnswersDifferentlyFailsTheTransferAtMost() throws Exception {
    unsure = true;
    for (int questions = 0; questions < 20; questions++) {
      questionsLeft = questions;
      TransferHandle transfer = mixed(4);
      long moved = 0;
      for (Half each : List.of(tcp, rdma)) {
        for (TransferTask task = each.tasks.poll(); task != null; task = each.tasks.poll()) {
          moveAll(task);
          moved += task.completedBytes();
        }
      }
      assertThat(transfer.state()).isIn(TransferState.FAILED, TransferState.COMPLETED);
      assertThat(moved).isEqualTo(transfer.state() == TransferState.COMPLETED ? 4 * BLOCK : 0);
    }
  }

  /** The choice, the making and the submission, wherever there is no memory for the next step. */
  @Test
  void whateverThrowsInTheMiddleOfItsStartEndsTheTransfer() throws Exception {
    for (int questions = 0; ; questions++) {
      questionsLeft = questions;
      TransferHandle transfer = mixed(4);
      if (questionsLeft >= 0) {
        assertThat(questions).isGreaterThan(8);
        moveAll(tcp.next());
        moveAll(rdma.next());
        assertThat(transfer.state()).isEqualTo(TransferState.COMPLETED);
        return;
      }
      assertThat(transfer.state()).isEqualTo(TransferState.FAILED);
      assertThat(transfer.failure().orElseThrow()).hasMessageContaining("no room for an answer");
      assertThat(host.inFlight()).isZero();
      assertThat(tcp.tasks).isEmpty();
      assertThat(rdma.tasks).isEmpty();
    }
  }

  /** What a policy says of a transport holds for each part that is on it. */
  @Test
  void aPartThatLosesItsWayGoesOverToAnotherTransport() throws Exception {
    Half spare = new Half("spare", false);
    TransferHandle transfer = mixed(4);
    TransferTask here = tcp.next();
    TransferTask there = rdma.next();
    PeerAddress peer = found.getFirst().address();
    assertThat(registry(TransportPolicy.Use.REQUIRED, spare).handOver(tcp, peer, here)).isEmpty();
    TransportRegistry registry = registry(TransportPolicy.Use.WHERE_POSSIBLE, spare);
    assertThat(registry.handOver(rdma, peer, there)).isEmpty();
    assertThat(registry.handOver(tcp, peer, here)).contains("spare");
    assertThat(spare.next()).isSameAs(here);
    assertThat(claim(here, 1)).hasSize(1);
    assertThat(transfer.cancel()).isTrue();
    assertThat(spare.canceled).containsExactly(here);
    assertMemoryIsUsed();
    here.orphaned(1);
    assertThat(transfer.state()).isEqualTo(TransferState.CANCELED);
  }

  private TransportRegistry registry(TransportPolicy.Use useOfTcp, Half spare) {
    return new TransportRegistry(
        List.of(
            new TransportRegistry.Ranked(
                tcp, new TransportPolicy(useOfTcp, Duration.ZERO, Optional.empty(), true)),
            new TransportRegistry.Ranked(rdma, TransportPolicy.DEFAULT),
            new TransportRegistry.Ranked(spare, TransportPolicy.DEFAULT)),
        new TransportChoice(List.of(), "", metrics));
  }

  // ---- a second try

  @Test
  void blocksWithAnOldKeyAreMovedOnceMoreAndNoOthers() throws Exception {
    TransferHandle transfer = mixed(6);
    TransferTask here = tcp.next();
    TransferTask there = rdma.next();
    assertThat(claim(here, 1)).hasSize(1);
    assertThat(claim(there, 2)).hasSize(2);
    there.failed(stale, FailureCause.STALE_DESCRIPTOR);
    there.orphaned(1);
    // The other part goes on: what it sends must not come behind the same bytes sent again.
    assertThat(tcp.canceled).isEmpty();
    assertThat(transfer.isEndingSince(System.nanoTime() + TimeUnit.DAYS.toNanos(1))).isFalse();
    assertThat(found).hasSize(1);
    here.completed(1, BLOCK);
    moveAll(here);
    assertThat(found).hasSize(2);
    assertThat(count(Counter.STALE_DESCRIPTORS_REPEATED)).isEqualTo(1);
    assertThat(tcp.tasks).isEmpty();
    assertMemoryIsUsed();
    assertThat(transfer.transferredBytes()).isEqualTo(3 * BLOCK);
    TransferTask again = rdma.next();
    assertThat(claim(again, 10)).containsExactly(4096L, 4196L, 4296L);
    again.completed(1, BLOCK);
    assertThat(transfer.transferredBytes()).isEqualTo(4 * BLOCK);
    again.completed(2, 2 * BLOCK);
    assertThat(transfer.state()).isEqualTo(TransferState.COMPLETED);
    assertThat(transfer.transferredBytes()).isEqualTo(6 * BLOCK);
    assertThat(count(Counter.BYTES_WRITTEN)).isEqualTo(6 * BLOCK);
  }

  @Test
  void bothPartsMayBeRepeatedAndOnlyOnce() throws Exception {
    TransferHandle transfer = mixed(4);
    tcp.next().end(TransferState.FAILED, stale, FailureCause.STALE_DESCRIPTOR);
    rdma.next().end(TransferState.FAILED, stale, FailureCause.STALE_DESCRIPTOR);
    assertThat(found).hasSize(2);
    TransferTask here = tcp.next();
    TransferTask there = rdma.next();
    assertThat(claim(here, 1)).hasSize(1);
    there.end(TransferState.FAILED, stale, FailureCause.STALE_DESCRIPTOR);
    // There is no third try to go on for.
    assertThat(tcp.canceled).containsExactly(here);
    here.orphaned(1);
    assertEnd(transfer, TransferState.FAILED, stale);
    assertThat(found).hasSize(2);
    assertThat(count(Counter.STALE_DESCRIPTORS_REPEATED)).isEqualTo(1);
  }

  @Test
  void aFailureBesideAnOldKeyIsNotRepeated() throws Exception {
    TransferHandle transfer = mixed(4);
    rdma.next().end(TransferState.FAILED, stale, FailureCause.STALE_DESCRIPTOR);
    tcp.next().end(TransferState.FAILED, lost, FailureCause.OTHER);
    assertEnd(transfer, TransferState.FAILED, lost);
    assertThat(found).hasSize(1);
  }

  @Test
  void aCancelBesideAnOldKeyIsNotRepeated() throws Exception {
    TransferHandle transfer = mixed(4);
    rdma.next().end(TransferState.FAILED, stale, FailureCause.STALE_DESCRIPTOR);
    TransferTask here = tcp.next();
    assertThat(claim(here, 2)).hasSize(2);
    assertThat(transfer.cancel()).isTrue();
    here.orphaned(2);
    assertThat(transfer.state()).isEqualTo(TransferState.CANCELED);
    assertThat(found).hasSize(1);
  }

  @Test
  void aPeerThatNoPartReachedIsAskedAgain() throws Exception {
    var _ = segments.refresh(PEER, Duration.ofSeconds(1));
    TransferHandle transfer = mixed(4);
    tcp.next().end(TransferState.FAILED, lost, FailureCause.CONNECT);
    assertThat(claim(rdma.next(), 1)).isEmpty();
    assertThat(found).hasSize(2);
    moveAll(tcp.next());
    moveAll(rdma.next());
    assertThat(transfer.state()).isEqualTo(TransferState.COMPLETED);
  }

  @Test
  void aPeerThatOnePartReachedIsNotAskedAgain() throws Exception {
    var _ = segments.refresh(PEER, Duration.ofSeconds(1));
    TransferHandle transfer = mixed(4);
    TransferTask there = rdma.next();
    assertThat(claim(there, 1)).hasSize(1);
    tcp.next().end(TransferState.FAILED, lost, FailureCause.CONNECT);
    there.orphaned(1);
    assertEnd(transfer, TransferState.FAILED, lost);
    assertThat(found).hasSize(1);
    assertThat(segments.known(PEER)).isNull();
  }

  // ---- the last resort

  @Test
  void aPartThatDoesNotEndIsCutOffAndTheOtherEnds() throws Exception {
    TransferHandle transfer = mixed(4);
    TransferTask here = tcp.next();
    TransferTask there = rdma.next();
    assertThat(claim(here, 1)).hasSize(1);
    assertThat(claim(there, 2)).hasSize(2);
    there.failed(lost, FailureCause.OTHER);
    long now = System.nanoTime();
    active.lastResort().look(transfer, now + LastResort.LIMIT_NANOS / 2);
    assertThat(rdma.cutOff).isEmpty();
    try (LogCapture log = new LogCapture()) {
      active.lastResort().look(transfer, now + LastResort.LIMIT_NANOS);
      assertThat(rdma.cutOff).containsExactly(there);
      assertThat(tcp.cutOff).isEmpty();
      assertThat(log.warnings()).singleElement().asString().contains("TCP: 1 req", "RDMA: 1 req");
      active.lastResort().look(transfer, now + 2 * LastResort.LIMIT_NANOS + 1);
      assertThat(transfer.state()).isEqualTo(TransferState.FAILED);
      assertThat(transfer.failure().orElseThrow()).hasMessageContaining("could not be cut off");
      // It was well until now. Nobody waits for its bytes any more.
      assertThat(tcp.canceled).containsExactly(here);
      assertMemoryIsUsed();
      here.orphaned(1);
      assertMemoryIsUsed();
      there.orphaned(1);
      assertThat(log.warnings()).last().asString().contains("is settled after all");
    }
    assertThat(LastResort.takeCount()).isEqualTo(2);
  }
}
