// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.os.NativeCallException;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the typed layer promises on any {@link VerbsLibrary}: run on the simulator everywhere, and
 * on real devices where there are two. So the two cannot drift apart.
 */
abstract class VerbsContract {
  private static final int MEMORY_BYTES = 1 << 20;

  private VerbsLibrary library;
  private TestEndpoint one;
  private TestEndpoint other;
  private Mapped mine;
  private Mapped theirs;
  private MemoryRegion local;
  private MemoryRegion remote;

  /** Called before each test; may abort it. */
  abstract VerbsLibrary library();

  /** Two devices that reach each other. */
  abstract List<String> devices();

  /** Called when everything is closed, to see whether that is so. */
  abstract void verifyClosed();

  @BeforeEach
  final void open() {
    library = library();
    one = new TestEndpoint(library, devices().get(0));
    other = new TestEndpoint(library, devices().get(1));
    mine = Mapped.of(MEMORY_BYTES);
    theirs = Mapped.of(MEMORY_BYTES);
    local = one.register(mine);
    remote = other.register(theirs);
  }

  @AfterEach
  final void close() {
    if (one != null) {
      one.close();
      other.close();
      mine.close();
      theirs.close();
    }
    verifyClosed();
  }

  @Test
  final void theDevicesAreListedAndDescribeThemselves() {
    assertThat(Device.names(library)).containsAll(devices());
    assertThat(one.context.deviceName()).isEqualTo(devices().get(0));
    DeviceAttributes device = one.context.queryDevice();
    assertThat(device.physicalPorts()).isPositive();
    assertThat(device.maxQueuePairWorkRequests()).isGreaterThanOrEqualTo(256);
    assertThat(device.maxCompletionQueueEntries()).isGreaterThanOrEqualTo(256);
    assertThat(device.maxReadAtomicAsTarget()).isPositive();
    assertThat(device.maxReadAtomicAsInitiator()).isPositive();
    assertThat(device.maxQueuePairs()).isPositive();
    assertThat(device.maxMemoryRegions()).isPositive();
    assertThat(device.maxSge()).isPositive();
    assertThat(device.maxReadSge()).isNotNegative();
    assertThat(Long.compareUnsigned(device.maxMemoryRegionBytes(), 1 << 30)).isPositive();
    PortAttributes port = one.context.queryPort(1);
    assertThat(port.state()).isEqualTo(PortState.ACTIVE);
    assertThat(port.activeMtuBytes()).isBetween(256, port.maxMtuBytes());
    assertThat(port.maxMessageBytes()).isGreaterThanOrEqualTo(1 << 20);
    assertThat(port.gidTableLength()).isPositive();
    assertThat(port.linkLayer()).isEqualTo(LinkLayer.ETHERNET);
    assertThat(one.gid).hasSize(16).isNotEqualTo(new byte[16]).isNotEqualTo(other.gid);
  }

  @Test
  final void whatIsGrantedIsAtLeastWhatWasAskedFor() {
    assertThat(one.pair.maxSendWorkRequests())
        .isGreaterThanOrEqualTo(TestEndpoint.SEND_WORK_REQUESTS);
    assertThat(one.pair.maxSge()).isGreaterThanOrEqualTo(TestEndpoint.ELEMENTS);
    assertThat(one.queue.capacity()).isGreaterThanOrEqualTo(4 * TestEndpoint.SEND_WORK_REQUESTS);
    assertThat(one.pair.number()).isBetween(1, 0xffffff);
  }

  @Test
  final void aQueuePairGoesThroughItsStates() {
    int access = Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE;
    assertThat(one.pair.state()).isEqualTo(QueuePairState.RESET);
    one.pair.toInit(1, 0, access);
    assertThat(one.pair.state()).isEqualTo(QueuePairState.INIT);
    one.pair.toReadyToReceive(one.readyToReceive(other.pair.number(), other.gid));
    assertThat(one.pair.state()).isEqualTo(QueuePairState.READY_TO_RECEIVE);
    one.pair.toReadyToSend(TestEndpoint.readyToSend());
    assertThat(one.pair.state()).isEqualTo(QueuePairState.READY_TO_SEND);
    one.pair.toError();
    one.pair.toError();
    assertThat(one.pair.state()).isEqualTo(QueuePairState.ERROR);
  }

  @Test
  final void aStepOutOfOrderIsRefusedWithItsArguments() {
    assertThatThrownBy(() -> one.pair.toReadyToSend(TestEndpoint.readyToSend()))
        .isInstanceOf(NativeCallException.class)
        .hasMessageContaining("ibv_modify_qp(qp_num=" + one.pair.number())
        .hasMessageContaining("qp_state=READY_TO_SEND")
        .hasMessageContaining("failed: EINVAL (22, Invalid argument)");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4096, MEMORY_BYTES})
  final void aWriteAndAReadMoveEveryByteAndNoOther(int length) {
    TestEndpoint.connect(one, other);
    mine.fill(length);
    assertThat(one.run(true, local, length, remote.address(), remote.remoteKey()))
        .isEqualTo(WorkCompletionStatus.SUCCESS);
    assertThat(theirs.segment().asSlice(0, length).mismatch(mine.segment().asSlice(0, length)))
        .isEqualTo(-1);
    assertThat(isZero(theirs.segment().asSlice(length))).isTrue();

    theirs.fill(length + 1);
    mine.segment().fill((byte) 0);
    assertThat(one.run(false, local, length, remote.address(), remote.remoteKey()))
        .isEqualTo(WorkCompletionStatus.SUCCESS);
    assertThat(mine.segment().asSlice(0, length).mismatch(theirs.segment().asSlice(0, length)))
        .isEqualTo(-1);
    assertThat(isZero(mine.segment().asSlice(length))).isTrue();
  }

  private static boolean isZero(MemorySegment segment) {
    return segment.mismatch(MemorySegment.ofArray(new byte[(int) segment.byteSize()])) == -1;
  }

  @Test
  final void bothSidesMayAskAtOnce() {
    TestEndpoint.connect(one, other);
    mine.fill(5);
    assertThat(other.run(false, remote, 512, local.address(), local.remoteKey()))
        .isEqualTo(WorkCompletionStatus.SUCCESS);
    assertThat(theirs.segment().asSlice(0, 512).mismatch(mine.segment().asSlice(0, 512)))
        .isEqualTo(-1);
  }

  @Test
  final void aChainMovesAllItsPiecesAndOnlySignalledOnesReport() {
    TestEndpoint.connect(one, other);
    mine.fill(9);
    int count = 30;
    int piece = 1000;
    for (int i = 0; i < count; i++) {
      long from = local.address() + i * (long) piece;
      long to = remote.address() + (count - 1 - i) * (long) piece;
      one.ring.set(
          i, 100 + i, true, i % 10 == 9, from, piece, local.localKey(), to, remote.remoteKey());
    }
    assertThat(one.pair.post(one.ring, count)).isEqualTo(count);
    assertThat(one.pair.lastErrno()).isZero();
    List<Long> ended = awaitEnds(3, WorkCompletionStatus.SUCCESS);
    assertThat(ended).containsExactly(109L, 119L, 129L);
    for (int i = 0; i < count; i++) {
      assertThat(
              theirs
                  .segment()
                  .asSlice((count - 1 - i) * (long) piece, piece)
                  .mismatch(mine.segment().asSlice(i * (long) piece, piece)))
          .isEqualTo(-1);
    }
    // A shorter chain from the same entries: the end of the long one must not be posted again.
    assertThat(one.pair.post(one.ring, 10)).isEqualTo(10);
    assertThat(awaitEnds(1, WorkCompletionStatus.SUCCESS)).containsExactly(109L);
    assertThat(one.queue.poll(one.completions)).isZero();
    // And a longer one: the end of the short one must not stay one.
    assertThat(one.pair.post(one.ring, 20)).isEqualTo(20);
    assertThat(awaitEnds(2, WorkCompletionStatus.SUCCESS)).containsExactly(109L, 119L);
  }

  private List<Long> awaitEnds(int count, WorkCompletionStatus expected) {
    List<Long> ended = new ArrayList<>();
    while (ended.size() < count) {
      int taken = one.awaitCompletions();
      for (int i = 0; i < taken; i++) {
        assertThat(WorkCompletionStatus.of(one.completions.status(i))).isEqualTo(expected);
        ended.add(one.completions.workRequestId(i));
      }
    }
    return ended;
  }

  /** Of one entry more than before and one less, so that none is left over or missing. */
  @ParameterizedTest
  @ValueSource(ints = {2, TestEndpoint.ELEMENTS, 3})
  final void aRequestMovesSeveralRangesOfOursInTheirOrder(int ranges) {
    TestEndpoint.connect(one, other);
    int piece = 5000;
    int all = ranges * piece;
    try (Mapped second = Mapped.of(MEMORY_BYTES)) {
      MemoryRegion beside = one.register(second);
      mine.fill(21);
      second.fill(22);
      gather(true, ranges, piece, beside);
      for (int i = 0; i < ranges; i++) {
        Mapped from = i % 2 == 0 ? mine : second;
        assertThat(
                theirs
                    .segment()
                    .asSlice(100 + i * (long) piece, piece)
                    .mismatch(from.segment().asSlice(2L * (ranges - i) * piece, piece)))
            .as("range %d", i)
            .isEqualTo(-1);
      }
      assertThat(isZero(theirs.segment().asSlice(0, 100))).isTrue();
      assertThat(isZero(theirs.segment().asSlice(100 + all))).isTrue();

      theirs.fill(23);
      mine.segment().fill((byte) 0);
      second.segment().fill((byte) 0);
      gather(false, ranges, piece, beside);
      for (int i = 0; i < ranges; i++) {
        MemorySegment into = (i % 2 == 0 ? mine : second).segment();
        MemorySegment range = into.asSlice(2L * (ranges - i) * piece, piece);
        assertThat(range.mismatch(theirs.segment().asSlice(100 + i * (long) piece, piece)))
            .as("range %d", i)
            .isEqualTo(-1);
        range.fill((byte) 0);
      }
      assertThat(isZero(mine.segment()) && isZero(second.segment())).isTrue();
      beside.close();
    }
  }

  /** In turns in both registrations, from the back to the front. */
  private void gather(boolean write, int ranges, int piece, MemoryRegion beside) {
    for (int i = 0; i < ranges; i++) {
      MemoryRegion in = i % 2 == 0 ? local : beside;
      long at = in.address() + 2L * (ranges - i) * piece;
      if (i == 0) {
        long to = remote.address() + 100;
        one.ring.set(0, 7, write, true, at, piece, in.localKey(), to, remote.remoteKey());
      } else {
        one.ring.add(0, at, piece, in.localKey());
      }
    }
    assertThat(one.pair.post(one.ring, 1)).isEqualTo(1);
    assertThat(awaitEnds(1, WorkCompletionStatus.SUCCESS)).containsExactly(7L);
  }

  /** As the only range, and as the last of several: then soft-RoCE calls it flushed. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  final void aWrongLocalKeyFailsTheRequest(int ranges) {
    TestEndpoint.connect(one, other);
    mine.fill(31);
    for (int i = 0; i < ranges; i++) {
      int key = i == ranges - 1 ? local.localKey() ^ 0x5500 : local.localKey();
      if (i == 0) {
        long to = remote.address();
        one.ring.set(0, 7, true, true, local.address(), 64, key, to, remote.remoteKey());
      } else {
        one.ring.add(0, local.address() + 64L * i, 64, key);
      }
    }
    assertThat(one.pair.post(one.ring, 1)).isEqualTo(1);
    assertThat(one.awaitCompletions()).isEqualTo(1);
    assertThat(WorkCompletionStatus.of(one.completions.status(0)))
        .isIn(
            WorkCompletionStatus.LOCAL_PROTECTION_ERROR,
            WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR);
    assertThat(one.pair.state()).isEqualTo(QueuePairState.ERROR);
    assertThat(isZero(theirs.segment())).isTrue();
  }

  @Test
  final void anEmptyRequestIsAcknowledgedAndAnEntryCanBeFilledAgain() {
    TestEndpoint.connect(one, other);
    one.ring.setEmpty(0, 41);
    assertThat(one.pair.post(one.ring, 1)).isEqualTo(1);
    assertThat(awaitEnds(1, WorkCompletionStatus.SUCCESS)).containsExactly(41L);
    mine.fill(8);
    assertThat(one.run(true, local, 100, remote.address(), remote.remoteKey()))
        .isEqualTo(WorkCompletionStatus.SUCCESS);
    assertThat(theirs.segment().asSlice(0, 100).mismatch(mine.segment().asSlice(0, 100)))
        .isEqualTo(-1);
  }

  @Test
  final void anEmptyRequestToNobodyFails() {
    one.connectTo(other.pair.number(), other.gid);
    one.ring.setEmpty(0, 41);
    assertThat(one.pair.post(one.ring, 1)).isEqualTo(1);
    assertThat(awaitEnds(1, WorkCompletionStatus.RETRY_EXCEEDED_ERROR)).containsExactly(41L);
  }

  @Test
  final void aWrongRemoteKeyFailsAndFlushesWhatIsBehind() {
    TestEndpoint.connect(one, other);
    int wrong = remote.remoteKey() ^ 0x5500;
    one.ring.set(0, 1, true, true, local.address(), 64, local.localKey(), remote.address(), wrong);
    for (int i = 1; i < 4; i++) {
      one.ring.set(
          i,
          1 + i,
          true,
          false,
          local.address(),
          64,
          local.localKey(),
          remote.address(),
          remote.remoteKey());
    }
    assertThat(one.pair.post(one.ring, 4)).isEqualTo(4);
    List<Long> ended = new ArrayList<>();
    List<WorkCompletionStatus> statuses = new ArrayList<>();
    while (ended.size() < 4) {
      int taken = one.awaitCompletions();
      for (int i = 0; i < taken; i++) {
        ended.add(one.completions.workRequestId(i));
        statuses.add(WorkCompletionStatus.of(one.completions.status(i)));
      }
    }
    assertThat(ended).containsExactly(1L, 2L, 3L, 4L);
    assertThat(statuses)
        .containsExactly(
            WorkCompletionStatus.REMOTE_ACCESS_ERROR,
            WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR,
            WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR,
            WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR);
    assertThat(one.pair.state()).isEqualTo(QueuePairState.ERROR);
    assertThat(isZero(theirs.segment())).isTrue();
  }

  @Test
  final void aRangeBeyondTheRemoteRegistrationFails() {
    TestEndpoint.connect(one, other);
    long last = remote.address() + remote.lengthBytes() - 1;
    assertThat(one.run(true, local, 2, last, remote.remoteKey()))
        .isEqualTo(WorkCompletionStatus.REMOTE_ACCESS_ERROR);
  }

  @Test
  final void anEndedRegistrationIsRefusedToPeers() {
    TestEndpoint.connect(one, other);
    int key = remote.remoteKey();
    remote.close();
    assertThat(one.run(true, local, 64, remote.address(), key))
        .isEqualTo(WorkCompletionStatus.REMOTE_ACCESS_ERROR);
  }

  /** A peer may read what is registered for reading, and not write there. */
  @Test
  final void aRegistrationWithoutTheRightToWriteIsRefusedToWriters() {
    try (MemoryRegion readOnly =
        other.domain.register(
            theirs.address(), theirs.length(), Access.LOCAL_WRITE | Access.REMOTE_READ)) {
      TestEndpoint.connect(one, other);
      assertThat(one.run(false, local, 64, theirs.address(), readOnly.remoteKey()))
          .isEqualTo(WorkCompletionStatus.SUCCESS);
      theirs.fill(5);
      assertThat(one.run(true, local, 64, theirs.address(), readOnly.remoteKey()))
          .isEqualTo(WorkCompletionStatus.REMOTE_ACCESS_ERROR);
      assertThat(Pattern.firstMismatch(theirs.segment(), 5, 0)).isEqualTo(-1);
    }
  }

  /** What a queue pair lets its peer do counts beside what the registration does. */
  @Test
  final void aQueuePairWithoutTheRightToWriteIsRefusedToWriters() {
    one.connectTo(other.pair.number(), other.gid);
    other.connectTo(one.pair.number(), one.gid, Access.LOCAL_WRITE | Access.REMOTE_READ);
    assertThat(one.run(false, local, 64, theirs.address(), remote.remoteKey()))
        .isEqualTo(WorkCompletionStatus.SUCCESS);
    theirs.fill(6);
    assertThat(one.run(true, local, 64, theirs.address(), remote.remoteKey()))
        .isEqualTo(WorkCompletionStatus.REMOTE_INVALID_REQUEST_ERROR);
    assertThat(Pattern.firstMismatch(theirs.segment(), 6, 0)).isEqualTo(-1);
  }

  @Test
  final void anEmptyRequestNeedsTheRightToo() {
    one.connectTo(other.pair.number(), other.gid);
    other.connectTo(one.pair.number(), one.gid, Access.LOCAL_WRITE);
    one.ring.setEmpty(0, 41);
    assertThat(one.pair.post(one.ring, 1)).isEqualTo(1);
    assertThat(awaitEnds(1, WorkCompletionStatus.REMOTE_INVALID_REQUEST_ERROR))
        .containsExactly(41L);
  }

  @Test
  final void postedToADeadQueuePairIsFlushed() {
    TestEndpoint.connect(one, other);
    one.pair.toError();
    assertThat(one.run(true, local, 64, remote.address(), remote.remoteKey()))
        .isEqualTo(WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR);
  }

  @Test
  final void aWakeUpBeforeTheWaitEndsIt() {
    one.channel.wakeUp();
    one.channel.wakeUp();
    one.channel.await(-1);
  }

  @Test
  final void aWakeUpFromAnotherThreadEndsTheWait() throws InterruptedException {
    Thread waker = Thread.ofPlatform().daemon().start(one.channel::wakeUp);
    one.channel.await(-1);
    waker.join();
  }

  @Test
  final void closingAContextEndsTheWaitOnItsChannel() throws InterruptedException {
    Thread waiter = Thread.ofPlatform().daemon().start(() -> awaitUntilClosed(one.channel));
    one.context.close();
    waiter.join();
    one.channel.wakeUp();
  }

  private static void awaitUntilClosed(CompletionChannel channel) {
    while (true) {
      try {
        channel.await(-1);
      } catch (IllegalStateException closed) {
        return;
      }
    }
  }

  @Test
  final void closingInAnyOrderClosesTheChildrenFirstAndTwiceIsOnce() {
    one.queue.close();
    assertThatThrownBy(() -> one.pair.post(one.ring, 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("queue pair of " + devices().get(0) + " is closed");
    assertThatThrownBy(() -> one.pair.toError()).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> one.queue.poll(one.completions))
        .isInstanceOf(IllegalStateException.class);
    one.pair.close();
    one.domain.close();
    assertThatThrownBy(() -> one.register(mine)).isInstanceOf(IllegalStateException.class);
    one.context.close();
    one.context.close();
    one.channel.close();
    assertThatThrownBy(() -> one.context.queryPort(1)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> one.context.takeAsyncEvent())
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> one.channel.await(0)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  final void aClosedRingOrResultIsRefused() {
    TestEndpoint.connect(one, other);
    one.ring.close();
    one.completions.close();
    assertThatThrownBy(() -> one.pair.post(one.ring, 1)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> one.queue.poll(one.completions))
        .isInstanceOf(IllegalStateException.class);
    one.ring.close();
    one.completions.close();
  }

  @Test
  final void whatIsNoRangeOfMemoryIsRefused() {
    for (long[] range :
        new long[][] {{0, 4096}, {4096, 0}, {-1, 8}, {8, -1}, {Long.MAX_VALUE, Long.MAX_VALUE}}) {
      assertThatThrownBy(() -> one.domain.register(range[0], range[1], Access.LOCAL_WRITE))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("length=" + range[1]);
    }
  }

  @Test
  final void aRegistrationWithRelaxedOrderingWorks() {
    TestEndpoint.connect(one, other);
    mine.fill(3);
    try (MemoryRegion relaxed =
        other.domain.register(
            theirs.address(),
            theirs.length(),
            Access.LOCAL_WRITE | Access.REMOTE_WRITE | Access.RELAXED_ORDERING)) {
      assertThat(one.run(true, local, 4096, relaxed.address(), relaxed.remoteKey()))
          .isEqualTo(WorkCompletionStatus.SUCCESS);
      assertThat(theirs.segment().get(JAVA_BYTE, 4095))
          .isEqualTo(mine.segment().get(JAVA_BYTE, 4095));
      assertThat(one.run(false, local, 64, relaxed.address(), relaxed.remoteKey()))
          .isEqualTo(WorkCompletionStatus.REMOTE_ACCESS_ERROR);
    }
  }

  @Test
  final void thereIsNoAsyncEventAtFirst() {
    assertThat(one.context.takeAsyncEvent()).isEmpty();
  }
}
