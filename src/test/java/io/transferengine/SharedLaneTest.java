// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.eventually;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Several transfers on one connection, of which one ends early: by its deadline, a cancel, or
 * because its memory is taken back. The others are not to notice.
 */
@Timeout(60)
class SharedLaneTest {
  private static final int MIB = 1 << 20;

  /** Where in our memory and the target's the transfer lies that is to complete. */
  private static final int KEPT = 8 * MIB;

  private static final Duration LONG = Duration.ofSeconds(30);

  /**
   * A target that serves {@code before} requests, then reads nothing more until it is told to.
   * Nothing else than the test decides what has been sent when.
   */
  private static final class Stalling implements RawTarget.Behaviour {
    final CountDownLatch stalled = new CountDownLatch(1);
    final CountDownLatch goOn = new CountDownLatch(1);
    private final int before;

    Stalling(int before) {
      this.before = before;
    }

    @Override
    public void serve(RawTarget.Connection connection) throws IOException {
      int served = 0;
      RawTarget.@Nullable Request request;
      while ((request = connection.next()) != null) {
        if (served++ == before) {
          stalled.countDown();
          RawTargetTest.await(goOn);
        }
        if (!connection.serve(request)) {
          return;
        }
      }
    }
  }

  private static TestEngine oneLane() {
    return new TestEngine(16L * MIB, b -> b.tcpLanesPerPeer(1).transferTimeoutSeconds(30));
  }

  private static BlockColumns block(TestEngine here, long offset, long bytes) {
    return BlockColumns.of(here.address() + offset, RawTarget.BASE + offset, bytes);
  }

  /** Two answers on a connection: from now on requests are pipelined. */
  private static void pipelined(TestEngine here, RawTarget target) {
    assertCompleted(
        here.submit(Operation.READ, target.name(), RawTargetTest.scattered(here, 2, 64)));
  }

  private static void begun(Transfer transfer) {
    eventually("begun", () -> transfer.state() == TransferState.PENDING);
  }

  @ParameterizedTest
  @CsvSource({
    "1,WRITE,100,WRITE,100",
    "1,READ,300000,WRITE,100",
    "1,WRITE,300000,WRITE,300000",
    "2,WRITE,100,WRITE,100",
    "2,WRITE,100,WRITE,300000",
    "2,WRITE,500000,WRITE,100",
    "2,WRITE,500000,WRITE,300000",
    "2,READ,100,WRITE,300000",
    "2,READ,500000,WRITE,300000",
    "2,WRITE,300000,READ,300000",
    "2,READ,300000,READ,100"
  })
  void aShortDeadlineIsNotItsNeighbours(
      int version, Operation hasty, int hastyBytes, Operation kept, int keptBytes)
      throws Exception {
    Stalling stall = new Stalling(2);
    try (RawTarget target =
            new RawTarget(version, 16 * MIB).withSmallReceiveBuffer().behaving(stall);
        TestEngine here = oneLane()) {
      pipelined(here, target);
      byte[] there = random(1, 16 * MIB);
      System.arraycopy(there, 0, target.memory(), 0, there.length);
      byte[] mine = random(2, 16 * MIB);
      here.put(0, mine);
      Transfer first =
          here.submit(hasty, target.name(), block(here, 0, hastyBytes), Duration.ofSeconds(2));
      Transfer second = here.submit(kept, target.name(), block(here, KEPT, keptBytes), LONG);
      begun(second);
      RawTargetTest.await(stall.stalled);
      assertThat(TestEngine.end(first)).isEqualTo(TransferState.TIMEOUT);
      assertThat(second.state()).as("%s", second.failure()).isEqualTo(TransferState.PENDING);
      // The memory of the first is ours again: neither sent from nor read into.
      byte[] marks = RawTargetTest.filled(hastyBytes, (byte) 9);
      here.put(0, marks);
      stall.goOn.countDown();
      assertCompleted(second);
      assertThat(target.accepted()).as("connections").isEqualTo(1);
      assertThat(here.count(Counter.CONNECTIONS_LOST)).isZero();
      byte[] wanted = kept == Operation.WRITE ? mine : there;
      byte[] found =
          kept == Operation.WRITE
              ? Arrays.copyOfRange(target.memory(), KEPT, KEPT + keptBytes)
              : here.bytes(KEPT, keptBytes);
      assertThat(found).isEqualTo(Arrays.copyOfRange(wanted, KEPT, KEPT + keptBytes));
      assertThat(here.bytes(0, hastyBytes)).isEqualTo(marks);
      if (hasty == Operation.WRITE) {
        assertThat(Arrays.copyOf(target.memory(), hastyBytes))
            .as("what was begun arrives as it was, and nothing of what followed it in memory")
            .isEqualTo(Arrays.copyOf(mine, hastyBytes));
      }
      // The lane goes on as if nothing had been.
      here.put(0, mine);
      assertCompleted(here.submit(Operation.WRITE, target.name(), block(here, 0, 200_000)));
      assertThat(Arrays.copyOf(target.memory(), 200_000)).isEqualTo(Arrays.copyOf(mine, 200_000));
      assertThat(target.accepted()).as("connections").isEqualTo(1);
    }
  }

  @Test
  void aCancelInTheMiddleOfABatchIsNotItsNeighbours() throws Exception {
    Stalling stall = new Stalling(2);
    try (RawTarget target = new RawTarget(2, 16 * MIB).takingVectors().behaving(stall);
        TestEngine here = oneLane()) {
      pipelined(here, target);
      byte[] mine = random(3, 16 * MIB);
      here.put(0, mine);
      Transfer second =
          here.submit(Operation.WRITE, target.name(), block(here, KEPT, 100_000), LONG);
      begun(second);
      // More than a lane takes at a time: some of it is never begun.
      Transfer batch =
          here.submit(Operation.WRITE, target.name(), RawTargetTest.scattered(here, 2000, 1000));
      begun(batch);
      RawTargetTest.await(stall.stalled);
      assertThat(batch.cancel()).isTrue();
      assertThat(TestEngine.end(batch)).isEqualTo(TransferState.CANCELED);
      here.put(0, new byte[4 * MIB]);
      stall.goOn.countDown();
      assertCompleted(second);
      assertThat(target.accepted()).as("connections").isEqualTo(1);
      assertThat(Arrays.copyOfRange(target.memory(), KEPT, KEPT + 100_000))
          .isEqualTo(Arrays.copyOfRange(mine, KEPT, KEPT + 100_000));
    }
  }

  /** More than the kernels' buffers hold: what is left of it waits where it lies. */
  @Test
  void whatIsLeftOfAHalfSentWriteGoesOnWithoutItsMemory() throws Exception {
    int size = 12 * MIB;
    Stalling stall = new Stalling(2);
    try (RawTarget target = new RawTarget(2, 16 * MIB).withSmallReceiveBuffer().behaving(stall);
        TestEngine here =
            new TestEngine(
                16L * MIB,
                b ->
                    b.tcpLanesPerPeer(1).tcpLaneWindowBytes(64 * MIB).transferTimeoutSeconds(30))) {
      pipelined(here, target);
      byte[] mine = RawTargetTest.filled(16 * MIB, (byte) 1);
      here.put(0, mine);
      Transfer kept = here.submit(Operation.WRITE, target.name(), block(here, size, 100_000), LONG);
      begun(kept);
      RawTargetTest.await(stall.stalled);
      Transfer hasty = here.submit(Operation.WRITE, target.name(), block(here, 0, size), LONG);
      // Two before, the one that is kept, and of this more than the queue lets wait at a time.
      eventually("the lane is full", () -> here.count(Counter.REQUESTS_SENT) >= 6);
      assertThat(hasty.cancel()).isTrue();
      assertThat(TestEngine.end(hasty)).isEqualTo(TransferState.CANCELED);
      here.put(0, RawTargetTest.filled(size, (byte) 9));
      boolean closes = "IO_URING".equals(System.getProperty("te.test.io"));
      assertThat(here.count(Counter.REQUESTS_ORPHANED)).isGreaterThan(1);
      stall.goOn.countDown();
      if (closes) {
        // The kernel may look at the memory until the connection is closed.
        assertThat(TestEngine.end(kept)).isEqualTo(TransferState.FAILED);
      } else {
        assertCompleted(kept);
        assertCompleted(here.submit(Operation.READ, target.name(), block(here, size, 100)));
        assertThat(target.accepted()).as("connections").isEqualTo(1);
        int arrived = 0;
        for (int i = 0; i < size; i++) {
          arrived += target.memory()[i];
        }
        assertThat(arrived).as("bytes of it that arrived late").isBetween(1 * MIB, size - 1);
      }
      for (int i = 0; i < size; i++) {
        assertThat(target.memory()[i]).isLessThan((byte) 9);
      }
    }
  }

  /** What was begun may arrive long after its end; a newer write must not be overtaken by it. */
  @Test
  void aNewerWriteToTheSamePlaceIsNotOvertakenByACanceledOne() throws Exception {
    CountDownLatch stalled = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    try (RawTarget target = new RawTarget(2, 16 * MIB);
        TestEngine here =
            new TestEngine(16L * MIB, b -> b.tcpLanesPerPeer(2).transferTimeoutSeconds(30))) {
      target.behaving(
          c -> {
            RawTarget.@Nullable Request request;
            while ((request = c.next()) != null) {
              if (request.isWrite() && request.size() == 1000 && stalled.getCount() > 0) {
                stalled.countDown();
                RawTargetTest.await(goOn);
              }
              c.serve(request);
            }
          });
      // Both lanes take several requests at once.
      for (int i = 0; i < 4; i++) {
        assertCompleted(
            here.submit(Operation.READ, target.name(), RawTargetTest.scattered(here, 8, 64)));
      }
      here.put(0, RawTargetTest.filled(1000, (byte) 1));
      Transfer old = here.submit(Operation.WRITE, target.name(), block(here, 0, 1000));
      RawTargetTest.await(stalled);
      assertThat(old.cancel()).isTrue();
      assertThat(TestEngine.end(old)).isEqualTo(TransferState.CANCELED);
      here.put(0, RawTargetTest.filled(2000, (byte) 2));
      Transfer newer = here.submit(Operation.WRITE, target.name(), block(here, 500, 1500));
      // The other lane serves everything else meanwhile.
      assertCompleted(here.submit(Operation.WRITE, target.name(), block(here, 4096, 100)));
      assertCompleted(here.submit(Operation.READ, target.name(), block(here, 8192, 100)));
      goOn.countDown();
      assertCompleted(newer);
      eventually("the old one has arrived", () -> target.memory()[0] == 1);
      assertThat(Arrays.copyOfRange(target.memory(), 500, 2000))
          .isEqualTo(RawTargetTest.filled(1500, (byte) 2));
      assertCompleted(here.submit(Operation.WRITE, target.name(), block(here, 0, 1000)));
    }
  }

  /** The same where the canceled one had a connection to itself: that is left, its end awaited. */
  @ParameterizedTest
  @CsvSource({"true,1000", "true,3000000", "false,1000", "false,3000000"})
  void norByOneThatHadAConnectionToItself(boolean oneRequestEach, int bytes) throws Exception {
    // A large write has requests on both lanes: only one of them may stand still.
    AtomicBoolean first = new AtomicBoolean(true);
    CountDownLatch stalled = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    try (RawTarget target = new RawTarget(2, 16 * MIB).withSmallReceiveBuffer();
        TestEngine here =
            new TestEngine(16L * MIB, b -> b.tcpLanesPerPeer(2).transferTimeoutSeconds(30))) {
      target.behaving(
          c -> {
            RawTarget.@Nullable Request request;
            do {
              request = c.next();
              if (request == null) {
                return;
              }
              if (first.getAndSet(false)) {
                stalled.countDown();
                RawTargetTest.await(goOn);
              }
            } while (c.serve(request) && !oneRequestEach);
          });
      here.put(0, RawTargetTest.filled(bytes, (byte) 1));
      Transfer old = here.submit(Operation.WRITE, target.name(), block(here, 0, bytes));
      RawTargetTest.await(stalled);
      assertThat(old.cancel()).isTrue();
      assertThat(TestEngine.end(old)).isEqualTo(TransferState.CANCELED);
      here.put(0, RawTargetTest.filled(2000, (byte) 2));
      Transfer newer = here.submit(Operation.WRITE, target.name(), block(here, 500, 1500));
      // Others go on meanwhile.
      for (int i = 0; i < 4; i++) {
        assertCompleted(here.submit(Operation.WRITE, target.name(), block(here, KEPT, 100)));
        assertCompleted(here.submit(Operation.READ, target.name(), block(here, KEPT, 100)));
      }
      goOn.countDown();
      assertCompleted(newer);
      eventually("the old one has arrived", () -> target.memory()[0] == 1);
      target.endConnections();
      assertThat(Arrays.copyOfRange(target.memory(), 500, 2000))
          .isEqualTo(RawTargetTest.filled(1500, (byte) 2));
    }
  }

  @Test
  void memoryThatIsTakenBackIsNotItsNeighbours() throws Exception {
    Stalling stall = new Stalling(2);
    try (RawTarget target = new RawTarget(2, 16 * MIB).withSmallReceiveBuffer().behaving(stall);
        TestEngine here = oneLane()) {
      pipelined(here, target);
      Allocation doomed = here.engine.allocate(500_000);
      doomed.segment().fill((byte) 5);
      Transfer first =
          here.submit(
              Operation.WRITE,
              target.name(),
              BlockColumns.of(doomed.segment().address(), RawTarget.BASE, 500_000));
      here.put(KEPT, random(4, 300_000));
      Transfer second =
          here.submit(Operation.WRITE, target.name(), block(here, KEPT, 300_000), LONG);
      begun(second);
      RawTargetTest.await(stall.stalled);
      doomed.close();
      assertThat(TestEngine.end(first)).isEqualTo(TransferState.FAILED);
      stall.goOn.countDown();
      assertCompleted(second);
      assertThat(target.accepted()).as("connections").isEqualTo(1);
      assertThat(Arrays.copyOfRange(target.memory(), KEPT, KEPT + 300_000))
          .isEqualTo(random(4, 300_000));
    }
  }

  /** What is never answered still ends the lane, however many new requests the kernel takes. */
  @Test
  void aTargetThatStandsStillIsFoundThoughItsTransfersHaveEnded() throws Exception {
    Stalling stall = new Stalling(2);
    try (RawTarget target = new RawTarget(2, 16 * MIB).behaving(stall);
        TestEngine here =
            new TestEngine(
                16L * MIB,
                b -> b.tcpLanesPerPeer(1).tcpStatusTimeoutSeconds(2).transferTimeoutSeconds(30))) {
      pipelined(here, target);
      Transfer first =
          here.submit(Operation.WRITE, target.name(), block(here, 0, 100), Duration.ofMillis(50));
      assertThat(TestEngine.end(first)).isEqualTo(TransferState.TIMEOUT);
      // Each of these is taken by the kernel, which proves nothing of the target.
      eventually(
          "the lane is given up",
          () -> {
            Transfer next =
                here.submit(
                    Operation.WRITE, target.name(), block(here, 0, 100), Duration.ofMillis(50));
            boolean _ = TestEngine.end(next).isTerminal();
            return here.count(Counter.CONNECTIONS_LOST) > 0;
          });
      stall.goOn.countDown();
    }
  }
}
