// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.os.Errno;
import io.transferengine.os.NativeCallException;
import io.transferengine.testkit.Mapped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The typed layer when things go wrong, and that each fault of the simulator happens as it says.
 */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class SimulatedFaultsTest {
  private static final int BYTES = 4096;

  private final long seed = Long.getLong("seed", System.nanoTime());
  private final SimulatedFabric fabric = new SimulatedFabric(seed);
  private final SimulatedVerbs a = fabric.process("a", List.of("sim0"));
  private final SimulatedVerbs b = fabric.process("b", List.of("sim0"));
  private final Mapped mine = Mapped.of(BYTES).fill(seed);
  private final Mapped theirs = Mapped.of(BYTES);
  private TestEndpoint one;
  private TestEndpoint other;
  private MemoryRegion local;
  private MemoryRegion remote;

  @BeforeEach
  void connect() {
    System.out.println("SimulatedFaultsTest: replay with -Dseed=" + seed);
    one = new TestEndpoint(a, "sim0");
    other = new TestEndpoint(b, "sim0");
    local = one.register(mine);
    remote = other.register(theirs);
    TestEndpoint.connect(one, other);
  }

  @AfterEach
  void close() {
    one.close();
    other.close();
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
    mine.close();
    theirs.close();
  }

  private WorkCompletionStatus write() {
    return one.run(true, local, BYTES, remote.address(), remote.remoteKey());
  }

  private void post(int count, int signalEvery) {
    for (int i = 0; i < count; i++) {
      boolean signalled = (i + 1) % signalEvery == 0;
      one.ring.set(
          i,
          i,
          true,
          signalled,
          local.address(),
          16,
          local.localKey(),
          remote.address(),
          remote.remoteKey());
    }
    assertThat(one.pair.post(one.ring, count)).isEqualTo(count);
  }

  /** Ids and statuses of the next {@code count} completions. */
  private Map<Long, WorkCompletionStatus> awaitEnds(int count) {
    Map<Long, WorkCompletionStatus> ends = new HashMap<>();
    while (ends.size() < count) {
      int taken = one.awaitCompletions();
      for (int i = 0; i < taken; i++) {
        ends.put(
            one.completions.workRequestId(i), WorkCompletionStatus.of(one.completions.status(i)));
      }
    }
    return ends;
  }

  @Test
  void twoProcessesWithDevicesOfTheSameNameReachEachOther() {
    assertThat(write()).isEqualTo(WorkCompletionStatus.SUCCESS);
    assertThat(theirs.segment().mismatch(mine.segment())).isEqualTo(-1);
  }

  @Test
  void aCutLinkEndsInRetryExceededAndAMendedOneInTimeDoesNot() {
    fabric.faults().retryTime(Duration.ofHours(1));
    fabric.faults().cut(a.device("sim0"), b.device("sim0"));
    post(1, 1);
    one.channel.await(20);
    assertThat(one.queue.poll(one.completions)).isZero();
    fabric.faults().mend(b.device("sim0"), a.device("sim0"));
    assertThat(awaitEnds(1)).containsValue(WorkCompletionStatus.SUCCESS);

    fabric.faults().retryTime(Duration.ofMillis(20));
    fabric.faults().cut(a.device("sim0"), b.device("sim0"));
    assertThat(write()).isEqualTo(WorkCompletionStatus.RETRY_EXCEEDED_ERROR);
    assertThat(one.pair.state()).isEqualTo(QueuePairState.ERROR);
  }

  @Test
  void aPeerThatIsGoneOrConnectedToSomebodyElseEndsInRetryExceeded() {
    other.pair.close();
    assertThat(write()).isEqualTo(WorkCompletionStatus.RETRY_EXCEEDED_ERROR);

    try (TestEndpoint stranger = new TestEndpoint(a, "sim0")) {
      MemoryRegion source = stranger.register(mine);
      try (TestEndpoint third = new TestEndpoint(b, "sim0")) {
        third.connectTo(one.pair.number(), one.gid);
        stranger.connectTo(third.pair.number(), third.gid);
        assertThat(stranger.run(true, source, 1, remote.address(), remote.remoteKey()))
            .isEqualTo(WorkCompletionStatus.RETRY_EXCEEDED_ERROR);
      }
    }
  }

  @Test
  void aCrashedPeerEndsInRetryExceeded() {
    b.crash();
    assertThat(write()).isEqualTo(WorkCompletionStatus.RETRY_EXCEEDED_ERROR);
    assertThatThrownBy(() -> other.context.queryPort(1))
        .isInstanceOf(NativeCallException.class)
        .hasMessageContaining("EIO");
  }

  @Test
  void aPortThatGoesDownReportsItAndTrafficGoesOnWhenItIsBack() {
    fabric.faults().retryTime(Duration.ofHours(1));
    try (EventWaiter waiter = new EventWaiter(a)) {
      waiter.add(one.context.asyncFd());
      waiter.await(0);
      a.device("sim0").portDown();
      waiter.await(-1);
      assertThat(one.context.takeAsyncEvent())
          .contains(new AsyncEvent(AsyncEventType.PORT_ERROR, 1));
      assertThat(one.context.takeAsyncEvent()).isEmpty();
      assertThat(one.context.queryPort(1).state()).isEqualTo(PortState.DOWN);
      post(1, 1);
      a.device("sim0").portUp();
      waiter.await(-1);
      assertThat(one.context.takeAsyncEvent())
          .contains(new AsyncEvent(AsyncEventType.PORT_ACTIVE, 1));
      assertThat(awaitEnds(1)).containsValue(WorkCompletionStatus.SUCCESS);
      a.device("sim0").gidChange();
      assertThat(one.context.takeAsyncEvent())
          .contains(new AsyncEvent(AsyncEventType.GID_CHANGE, 1));
      waiter.remove(one.context.asyncFd());
    }
  }

  @Test
  void aDeviceThatGoesAwayFlushesAndRefuses() {
    fabric.faults().hold();
    post(3, 3);
    a.device("sim0").remove();
    assertThat(awaitEnds(3).values()).containsOnly(WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR);
    assertThat(one.context.takeAsyncEvent())
        .contains(new AsyncEvent(AsyncEventType.DEVICE_FATAL, 0));
    assertThatThrownBy(() -> one.register(mine))
        .isInstanceOfSatisfying(
            NativeCallException.class, e -> assertThat(e.errnoName()).isEqualTo("EIO"));
  }

  @Test
  void aKilledQueuePairReportsItsNumberAndFlushesUnsignalledRequestsToo() {
    fabric.faults().hold();
    post(4, 4);
    fabric.faults().killQueuePair(one.pair.number());
    assertThat(awaitEnds(4))
        .containsOnlyKeys(0L, 1L, 2L, 3L)
        .containsValue(WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR);
    assertThat(one.context.takeAsyncEvent())
        .contains(new AsyncEvent(AsyncEventType.QUEUE_PAIR_FATAL, one.pair.number()));
  }

  @Test
  void toErrorFlushesWhatWasNotExecutedAndTouchesNoMemoryAfterwards() {
    fabric.faults().hold();
    post(2, 1);
    one.pair.toError();
    fabric.faults().release();
    assertThat(awaitEnds(2).values()).containsOnly(WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR);
    assertThat(theirs.segment().mismatch(Mapped.of(BYTES).segment())).isEqualTo(-1);
  }

  @Test
  void theNthRegistrationIsRefusedWithItsArguments() {
    a.device("sim0").refuseRegistration(2);
    one.register(mine).close();
    assertThatThrownBy(() -> one.register(mine))
        .isInstanceOf(NativeCallException.class)
        .hasMessage(
            String.format(
                "ibv_reg_mr(addr=0x%x, length=4096, access=0x7) failed: ENOMEM (12, Cannot allocate"
                    + " memory)",
                mine.address()));
    one.register(mine).close();
  }

  /** Else every later wait would return at once, and its thread spin. */
  @Test
  void aWakeUpIsUsedUpByOneWait() {
    try (EventWaiter waiter = new EventWaiter(a)) {
      waiter.wakeUp();
      one.channel.wakeUp();
      one.channel.wakeUp();
      assertThat(fabric.files.signalledEventfds()).isEqualTo(2);
      waiter.await(-1);
      one.channel.await(-1);
      assertThat(fabric.files.signalledEventfds()).isZero();
    }
  }

  /** Drivers may have no interrupt left for one of its vectors. */
  @Test
  void aQueueThatGetsNoVectorOfItsOwnHasTheFirst() {
    a.device("sim0").refuse("ibv_create_cq", 1, Errno.ENOSPC.number());
    try (CompletionQueue made = one.context.createCompletionQueue(4, one.channel, 1)) {
      assertThat(made.capacity()).isGreaterThanOrEqualTo(4);
      assertThat(a.device("sim0").completionVectors()).last().isEqualTo(0);
    }
    try (CompletionQueue made = one.context.createCompletionQueue(4, one.channel, 1)) {
      assertThat(made.capacity()).isGreaterThanOrEqualTo(4);
      assertThat(a.device("sim0").completionVectors()).last().isEqualTo(1);
    }
  }

  @Test
  void whatFailsHalfWayIsUndone() {
    List<String> before = fabric.openHandles();
    int emfile = Errno.EMFILE.number();
    fabric.faults().refuseSystemCall("fcntl", emfile);
    assertThatThrownBy(() -> Context.open(a, "sim0")).hasMessageContaining("fcntl() failed");
    fabric.faults().refuseSystemCall("fcntl", emfile);
    assertThatThrownBy(one.context::createCompletionChannel).hasMessageContaining("fcntl() failed");
    fabric.faults().refuseSystemCall("eventfd", emfile);
    assertThatThrownBy(one.context::createCompletionChannel)
        .hasMessage("eventfd() failed: EMFILE (24, Too many open files)");
    a.device("sim0").refuse("ibv_create_cq", 1, emfile);
    assertThatThrownBy(() -> one.context.createCompletionQueue(4, one.channel, 0))
        .hasMessageStartingWith("ibv_create_cq(cqe=4, comp_vector=0) failed");
    a.device("sim0").refuse("ibv_create_qp", 1, emfile);
    assertThatThrownBy(() -> one.domain.createQueuePair(one.queue, 8, 1, 2, 64))
        .hasMessageStartingWith(
            "ibv_create_qp(max_send_wr=8, max_recv_wr=1, max_send_sge=2, max_recv_sge=2,"
                + " max_inline_data=64) failed");
    assertThat(fabric.openHandles()).containsExactlyInAnyOrderElementsOf(before);
  }

  @Test
  void withoutARouteTheStepToRtrFails() {
    fabric.faults().refuseRoute(a.device("sim0"), b.device("sim0"));
    try (TestEndpoint third = new TestEndpoint(a, "sim0")) {
      assertThatThrownBy(() -> third.connectTo(other.pair.number(), other.gid))
          .isInstanceOf(NativeCallException.class)
          .hasMessageContaining("dest_qp_num=" + other.pair.number())
          .hasMessageContaining("ENETUNREACH");
      fabric.faults().allowRoute(a.device("sim0"), b.device("sim0"));
      third.pair.toReadyToReceive(third.readyToReceive(other.pair.number(), other.gid));
    }
  }

  @Test
  void aPostThatIsRefusedInTheMiddleSaysHowManyWereTaken() {
    fabric.faults().refusePost(3, Errno.ENOMEM.number());
    for (int i = 0; i < 5; i++) {
      one.ring.set(
          i,
          i,
          true,
          true,
          local.address(),
          16,
          local.localKey(),
          remote.address(),
          remote.remoteKey());
    }
    assertThat(one.pair.post(one.ring, 5)).isEqualTo(3);
    assertThat(one.pair.lastErrno()).isEqualTo(Errno.ENOMEM.number());
    assertThat(awaitEnds(3)).containsOnlyKeys(0L, 1L, 2L);
    fabric.faults().refusePost(0, Errno.EINVAL.number());
    assertThat(one.pair.post(one.ring, 5)).isZero();
    assertThat(one.pair.lastErrno()).isEqualTo(Errno.EINVAL.number());
    assertThat(write()).isEqualTo(WorkCompletionStatus.SUCCESS);
    assertThat(one.pair.lastErrno()).isZero();
  }

  @Test
  void aPostThatFailsWithoutSayingWhereCountsAsTaken() {
    fabric.faults().hold();
    fabric.faults().refusePost(-1, Errno.EIO.number());
    for (int i = 0; i < 2; i++) {
      one.ring.set(
          i,
          i,
          true,
          true,
          local.address(),
          16,
          local.localKey(),
          remote.address(),
          remote.remoteKey());
    }
    assertThat(one.pair.post(one.ring, 2)).isEqualTo(2);
    assertThat(one.pair.lastErrno()).isEqualTo(Errno.EIO.number());
    one.pair.toError();
    assertThat(awaitEnds(2)).containsOnlyKeys(0L, 1L);
  }

  @Test
  void aFailedRequestEndsAsToldAndADroppedCompletionNever() {
    fabric.faults().dropCompletions(1);
    post(2, 1);
    assertThat(awaitEnds(1)).containsOnlyKeys(1L);
    fabric.faults().failRequests(WorkCompletionStatus.REMOTE_OPERATION_ERROR, 1);
    assertThat(write()).isEqualTo(WorkCompletionStatus.REMOTE_OPERATION_ERROR);
    assertThat(one.completions.vendorError(0)).isNotZero();
    assertThat(write()).isEqualTo(WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR);
  }

  @Test
  void aRefusedRequestKillsThePeersEndToo() {
    assertThat(one.run(true, local, 1, remote.address(), remote.remoteKey() + 1))
        .isEqualTo(WorkCompletionStatus.REMOTE_ACCESS_ERROR);
    assertThat(other.pair.state()).isEqualTo(QueuePairState.ERROR);
    assertThat(other.context.takeAsyncEvent())
        .contains(new AsyncEvent(AsyncEventType.QUEUE_PAIR_ACCESS_ERROR, other.pair.number()));
  }

  @Test
  void anotherLocalKeyFailsLocally() {
    one.ring.set(
        0,
        1,
        true,
        true,
        local.address(),
        16,
        local.localKey() + 1,
        remote.address(),
        remote.remoteKey());
    assertThat(one.pair.post(one.ring, 1)).isEqualTo(1);
    assertThat(awaitEnds(1)).containsValue(WorkCompletionStatus.LOCAL_PROTECTION_ERROR);
  }

  @Test
  void delayedQueuePairsOvertakeEachOtherButNotThemselves() {
    fabric.faults().delay(Duration.ZERO, Duration.ofMillis(5));
    List<Long> order = new ArrayList<>();
    Random random = new Random(seed);
    try (QueuePair second = one.domain.createQueuePair(one.queue, 32, 1, 1, 0);
        TestEndpoint third = new TestEndpoint(b, "sim0")) {
      MemoryRegion target = third.register(theirs);
      third.connectTo(second.number(), one.gid);
      second.toInit(1, 0, Access.LOCAL_WRITE);
      second.toReadyToReceive(one.readyToReceive(third.pair.number(), third.gid));
      second.toReadyToSend(TestEndpoint.readyToSend());
      for (int i = 0; i < 20; i++) {
        boolean first = random.nextBoolean() || i == 0;
        one.ring.set(
            0,
            (first ? 0 : 1000) + i,
            true,
            true,
            local.address(),
            1,
            local.localKey(),
            theirs.address(),
            first ? remote.remoteKey() : target.remoteKey());
        assertThat((first ? one.pair : second).post(one.ring, 1)).isEqualTo(1);
      }
      while (order.size() < 20) {
        int taken = one.awaitCompletions();
        for (int i = 0; i < taken; i++) {
          assertThat(one.completions.status(i)).isZero();
          order.add(one.completions.workRequestId(i));
        }
      }
    }
    assertThat(order.stream().filter(id -> id < 1000)).isSorted();
    assertThat(order.stream().filter(id -> id >= 1000)).isSorted();
  }
}
