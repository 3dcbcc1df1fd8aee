// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.SimulatedEngine.End;
import io.transferengine.transport.rdma.SimulatedEngine.Started;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedVerbs;
import io.transferengine.verbs.WorkCompletionStatus;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Transfers that share queue pairs: what ends one of them, or is thrown for it, harms no other. */
@Timeout(120)
class RdmaNeighboursTest {
  private static final long MEMORY_BYTES = 1 << 20;

  private final SimulatedFabric fabric = new SimulatedFabric(seed());
  private final SimulatedVerbs left = fabric.process("left", List.of("sim0"));
  private final SimulatedVerbs right = fabric.process("right", List.of("sim0"));
  private final SimulatedEngine a = new SimulatedEngine(left, List.of("sim0"), Map.of());
  private final SimulatedEngine b = new SimulatedEngine(right, List.of("sim0"), Map.of());
  private final Random random = new Random(fabric.seed());
  private boolean leftOpenOnPurpose;
  private MemorySegment here = MemorySegment.NULL;
  private MemorySegment there = MemorySegment.NULL;

  private static long seed() {
    long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
    System.out.println("RdmaNeighboursTest: replay with -Dseed=" + seed);
    return seed;
  }

  @BeforeEach
  void fill() throws Exception {
    here = a.register(MEMORY_BYTES);
    there = b.register(MEMORY_BYTES);
    for (long i = 0; i < MEMORY_BYTES; i += Long.BYTES) {
      here.set(ValueLayout.JAVA_LONG, i, random.nextLong());
    }
    assertCompleted(a.write(b, blocks(0, 1, 1000)));
  }

  @AfterEach
  void nothingIsLeft() {
    a.close();
    b.close();
    assertThat(fabric.violations()).isEmpty();
    // A crashed process has given back all that is its own; files are the fabric's.
    assertThat(fabric.openHandles())
        .allMatch(each -> leftOpenOnPurpose && each.startsWith("eventfd"));
    fabric.close();
  }

  /** Blocks of our memory to the same places there, with a gap behind each. */
  private BlockColumns blocks(long offset, int count, int bytes) {
    long[] locals = new long[count];
    long[] remotes = new long[count];
    long[] lengths = new long[count];
    for (int i = 0; i < count; i++) {
      locals[i] = here.address() + offset + 2L * i * bytes;
      remotes[i] = there.address() + offset + 2L * i * bytes;
      lengths[i] = bytes;
    }
    return BlockColumns.of(locals, remotes, lengths);
  }

  private void assertMoved(BlockColumns blocks) {
    for (int i = 0; i < blocks.count(); i++) {
      long offset = blocks.local(i) - here.address();
      assertThat(
              MemorySegment.mismatch(
                  here,
                  offset,
                  offset + blocks.length(i),
                  there,
                  offset,
                  offset + blocks.length(i)))
          .as("block %d", i)
          .isEqualTo(-1);
    }
  }

  private static void assertCompleted(Started started) throws Exception {
    End end = started.await();
    assertThat(end.state()).as("%s", end.failure()).isEqualTo(TransferState.COMPLETED);
  }

  private static void end(Started started, TransferState state) {
    started
        .task()
        .end(
            state,
            new TransferException(ErrorCode.CANCELED, "ended by the test", ""),
            FailureCause.CANCELED);
  }

  private long count(Counter counter) {
    return a.metrics().snapshot().counters().getOrDefault(counter, 0L);
  }

  @Test
  void anEndThatIsSlowerThanAGlanceLeavesTheQueuePairs() throws Exception {
    // Each of the posted requests takes longer than before a queue pair was given up for one.
    fabric.faults().delay(Duration.ofMillis(350), Duration.ofMillis(400));
    Started neighbour = a.write(b, blocks(0, 40, 1000));
    // More than there is room for, so that some of it is left when it is canceled.
    Started canceled = a.write(b, blocks(MEMORY_BYTES / 2, 5000, 50));
    await().until(() -> canceled.task().isStarted());
    end(canceled, TransferState.CANCELED);
    assertThat(canceled.await().state()).isEqualTo(TransferState.CANCELED);
    assertCompleted(neighbour);
    assertMoved(blocks(0, 40, 1000));
    assertThat(count(Counter.RDMA_PATHS_CONNECTED)).isEqualTo(1);
    assertThat(count(Counter.REQUESTS_RESENT)).isZero();
  }

  @Test
  void neighboursOfManyThatAreCutOffComplete() throws Exception {
    fabric.faults().delay(Duration.ofNanos(1), Duration.ofMillis(40));
    List<Started> stay = new ArrayList<>();
    List<Started> go = new ArrayList<>();
    for (int round = 0; round < 60; round++) {
      int bytes = 1 + random.nextInt(3000);
      if (random.nextInt(4) == 0) {
        stay.add(a.write(b, blocks(random.nextInt(1000), 1 + random.nextInt(60), bytes)));
      } else {
        go.add(a.write(b, blocks(random.nextInt(1000), 1 + random.nextInt(60), bytes)));
      }
      if (!go.isEmpty() && random.nextBoolean()) {
        end(go.get(random.nextInt(go.size())), TransferState.TIMEOUT);
      }
      Thread.sleep(random.nextInt(10));
    }
    go.forEach(started -> end(started, TransferState.TIMEOUT));
    for (Started started : go) {
      assertThat(started.await().state()).isIn(TransferState.TIMEOUT, TransferState.COMPLETED);
    }
    for (Started started : stay) {
      assertCompleted(started);
    }
    assertThat(count(Counter.RDMA_PATHS_CONNECTED)).isEqualTo(1);
    assertThat(count(Counter.RDMA_ENDPOINTS_CUT_OFF)).isZero();
  }

  @Test
  void neighboursOnAQueuePairThatIsStuckAreSentAgain() throws Exception {
    fabric.faults().hold();
    Started neighbour = a.write(b, blocks(0, 40, 1000));
    Started canceled = a.write(b, blocks(MEMORY_BYTES / 2, 40, 1000));
    await().until(() -> canceled.task().isStarted() && neighbour.task().isStarted());
    end(canceled, TransferState.CANCELED);
    assertThat(canceled.await().state()).isEqualTo(TransferState.CANCELED);
    assertThat(neighbour.end()).isNotDone();
    fabric.faults().release();
    assertCompleted(neighbour);
    assertMoved(blocks(0, 40, 1000));
    assertThat(count(Counter.RDMA_ENDPOINTS_CUT_OFF)).isEqualTo(1);
    // The neighbour's, and neither the other's nor a probe.
    assertThat(count(Counter.REQUESTS_RESENT)).isEqualTo(40);
  }

  @Test
  void whatIsNotPostedIsSettledAtOnce() throws Exception {
    fabric.faults().hold();
    Started large = a.write(b, blocks(0, 800, 300));
    // Two queue pairs are full, and one request was sent before.
    await().until(() -> count(Counter.REQUESTS_SENT) == 513);
    Started waiting = a.write(b, blocks(0, 1, 1000));
    Started refused = a.write(b, blocks(0, 400, 1000));
    end(waiting, TransferState.CANCELED);
    end(refused, TransferState.CANCELED);
    await().until(() -> waiting.end().isDone());
    fabric.faults().release();
    assertCompleted(large);
    assertThat(count(Counter.RDMA_ENDPOINTS_CUT_OFF)).isZero();
  }

  @Test
  void aFullQueuePairIsPassedOverAlthoughItHasTheFewestBytes() throws Exception {
    fabric.faults().hold();
    // One to the first queue pair, and so the large one to the second.
    Started small = a.write(b, blocks(0, 1, 10));
    await().until(() -> count(Counter.REQUESTS_SENT) == 2);
    Started large = a.write(b, blocks(MEMORY_BYTES / 2, 1, 60_000));
    await().until(() -> count(Counter.REQUESTS_SENT) == 3);
    // The first takes 256 requests in all.
    Started many = a.write(b, blocks(1000, 300, 1));
    await().until(() -> count(Counter.REQUESTS_SENT) == 303);
    fabric.faults().release();
    for (Started each : List.of(small, large, many)) {
      assertCompleted(each);
    }
  }

  @Test
  void aPeerWithManyRefusedRequestsHarmsNoOtherTransfer() throws Exception {
    for (int round = 0; round < 10; round++) {
      there.fill((byte) round);
      Started first = a.write(b, blocks(0, 50, 1000));
      Started second = a.read(b, blocks(MEMORY_BYTES / 2, 1, 4000));
      fabric.faults().failRequests(WorkCompletionStatus.REMOTE_ACCESS_ERROR, 1);
      Started third = a.write(b, blocks(MEMORY_BYTES / 4, 50, 1000));
      int failed = 0;
      for (Started each : List.of(first, second, third)) {
        failed += each.await().state() == TransferState.FAILED ? 1 : 0;
      }
      assertThat(failed).isLessThanOrEqualTo(1);
    }
  }

  @Test
  void theLastResortEndsWhateverHoldsTheTask() throws Exception {
    fabric.faults().hold();
    Started stuck = a.write(b, blocks(0, 40, 1000));
    Started neighbour = a.write(b, blocks(MEMORY_BYTES / 2, 40, 1000));
    await().until(() -> stuck.task().isStarted() && neighbour.task().isStarted());
    end(stuck, TransferState.TIMEOUT);
    a.transport().knownPeers().getFirst().cutOff(stuck.task());
    assertThat(stuck.await().state()).isEqualTo(TransferState.TIMEOUT);
    fabric.faults().release();
    assertCompleted(neighbour);
    assertThat(count(Counter.RDMA_ENDPOINTS_CUT_OFF)).isZero();
  }

  // ---- what is thrown

  @Test
  void anErrorOutOfAPostEndsNoTransfer() throws Exception {
    for (int after : new int[] {0, 1, 3}) {
      there.fill((byte) 0);
      fabric.faults().throwFrom("ibv_post_send", after, new OutOfMemoryError("test"));
      Started one = a.write(b, blocks(0, 100, 1000));
      Started other = a.write(b, blocks(MEMORY_BYTES / 2, 100, 1000));
      assertCompleted(one);
      assertCompleted(other);
      assertMoved(blocks(0, 100, 1000));
      assertMoved(blocks(MEMORY_BYTES / 2, 100, 1000));
    }
  }

  @Test
  void anErrorOutOfAPollLosesNoCompletion() throws Exception {
    fabric.faults().throwFrom("ibv_poll_cq", 2, new OutOfMemoryError("test"));
    assertCompleted(a.write(b, blocks(0, 100, 1000)));
    assertMoved(blocks(0, 100, 1000));
    assertThat(a.transport().nics().getFirst().isUsable()).isTrue();
  }

  @Test
  void aHeapThatIsFullForAWhileEndsNoDevice() throws Exception {
    fabric.faults().throwFrom("ibv_poll_cq", 2, 1500, new OutOfMemoryError("test"));
    assertCompleted(a.write(b, blocks(0, 100, 1000)));
    assertMoved(blocks(0, 100, 1000));
    assertThat(a.transport().nics().getFirst().isUsable()).isTrue();
  }

  @Test
  void anErrorOnTheWayToTheErrorStateEndsTheEndpointAllTheSame() throws Exception {
    fabric.faults().hold();
    Started canceled = a.write(b, blocks(0, 40, 1000));
    await().until(() -> canceled.task().isStarted());
    fabric.faults().throwFrom("ibv_modify_qp", 0, new OutOfMemoryError("test"));
    end(canceled, TransferState.CANCELED);
    assertThat(canceled.await().state()).isEqualTo(TransferState.CANCELED);
    fabric.faults().release();
    assertCompleted(a.write(b, blocks(0, 40, 1000)));
  }

  @Test
  void aListenerThatThrowsHarmsNoOtherTransfer() throws Exception {
    fabric.faults().hold();
    Started throwing = a.submitTelling(b, blocks(0, 10, 1000), new OutOfMemoryError("test"));
    await().until(() -> throwing.task().isStarted());
    Started neighbour = a.write(b, blocks(MEMORY_BYTES / 2, 40, 1000));
    await().until(() -> neighbour.task().isStarted());
    fabric.faults().release();
    assertCompleted(throwing);
    assertCompleted(neighbour);
    assertCompleted(a.write(b, blocks(0, 40, 1000)));
    assertThat(count(Counter.RDMA_PATHS_CONNECTED)).isEqualTo(1);
  }

  // ---- threads

  @Test
  void anEndpointThatIsClosedWhileItConnectsKeepsNoOtherWaiting() throws Exception {
    SimulatedVerbs third = fabric.process("third", List.of("sim0"));
    EndpointStore known = a.transport().nics().getFirst().endpoints();
    List<RdmaEndpoint> before = known.all();
    try (SimulatedEngine c = new SimulatedEngine(third, List.of("sim0"), Map.of())) {
      MemorySegment theirs = c.register(MEMORY_BYTES);
      Started waiting;
      try {
        fabric.faults().stallConnecting();
        waiting = c.write(a, BlockColumns.of(theirs.address(), here.address(), 1000));
        await().until(() -> fabric.faults().stalledCalls() > 0);
        known.all().stream()
            .filter(each -> !before.contains(each))
            .forEach(each -> each.close("a test"));
        assertCompleted(a.write(b, blocks(0, 40, 1000)));
        assertThat(fabric.faults().stalledCalls()).isPositive();
      } finally {
        fabric.faults().endStall();
      }
      assertCompleted(waiting);
    }
  }

  @Test
  void whatAWorkerThatDoesNotEndWorksOnIsNotFreed() throws Exception {
    CountDownLatch stuck = new CountDownLatch(1);
    CountDownLatch mayGo = new CountDownLatch(1);
    RdmaWorker worker = a.transport().nics().getFirst().workers().getFirst();
    worker.execute(
        () -> {
          stuck.countDown();
          boolean interrupted = false;
          while (mayGo.getCount() > 0) {
            try {
              mayGo.await();
            } catch (InterruptedException e) {
              interrupted = true;
            }
          }
          assertThat(interrupted).isFalse();
        });
    stuck.await();
    try (LogCapture log = new LogCapture()) {
      a.transport().stop(Duration.ofMillis(50));
      assertThat(log.warnings())
          .singleElement()
          .asString()
          .contains("a worker has not ended. Its queues and the device stay open");
      assertThat(fabric.openHandles())
          .anyMatch(each -> each.contains("completion queue"))
          .noneMatch(each -> each.startsWith("registration") && each.contains("left"));
      mayGo.countDown();
      // It still has all that it needs, and ends in order.
      await().until(() -> worker.awaitEnd(System.nanoTime()));
      assertThat(log.warnings()).hasSize(1);
    }
    assertThat(fabric.violations()).isEmpty();
    leftOpenOnPurpose = true;
    left.crash();
  }

  @Test
  void verbsThatMayWaitRunOnControlThreads() throws Exception {
    fabric.faults().hold();
    Started canceled = a.write(b, blocks(0, 40, 1000));
    await().until(() -> canceled.task().isStarted());
    end(canceled, TransferState.CANCELED);
    assertThat(canceled.await().state()).isEqualTo(TransferState.CANCELED);
    fabric.faults().release();
    assertCompleted(a.write(b, blocks(0, 40, 1000)));
    assertThat(left.queuePairThreads())
        .isNotEmpty()
        .allMatch(each -> each.contains("te-rdma-control-") || each.contains("te-rdma-ending-"));
    assertThat(right.queuePairThreads())
        .allMatch(each -> each.contains("te-rdma-control-") || each.contains("te-rdma-ending-"));
  }
}
