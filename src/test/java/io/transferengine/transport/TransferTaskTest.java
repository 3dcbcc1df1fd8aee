// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.ScarceMemoryMain;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TransferTaskTest {
  private static final long LOCAL = 0x10_0000;
  private static final long REMOTE = 0x7f00_0000_0000L;

  @SuppressWarnings("StaticAssignmentOfThrowable") // only ever looked at
  private static final TransferException WHY =
      new TransferException(ErrorCode.SOCKET, "test", "none");

  private record Claimed(int block, long local, long remote, long length, boolean unmerged) {}

  /** Collects what was claimed and how the task ended. */
  private static class Probe implements RequestSink<TransferTask>, TransferWork.Listener {
    final ArrayDeque<Claimed> claimed = new ArrayDeque<>();
    final List<TransferState> ends = new ArrayList<>();
    @Nullable TransferException failure;

    @Override
    public void request(
        TransferTask task, int block, long local, long remote, long length, boolean unmerged) {
      claimed.add(new Claimed(block, local, remote, length, unmerged));
    }

    @Override
    public void taskEnded(
        TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {
      ends.add(state);
      failure = why;
    }
  }

  private static SeamFinder whole(long start) {
    return new SeamFinder(new long[] {start}, new long[] {start + (1L << 32)});
  }

  private static TransferTask task(BlockColumns blocks, Probe probe) {
    return task(blocks, whole(LOCAL), whole(REMOTE), probe);
  }

  private static TransferTask task(
      BlockColumns blocks, SeamFinder local, SeamFinder remote, Probe probe) {
    return new TransferTask(Operation.WRITE, blocks, local, remote, probe);
  }

  /** Blocks of one length at so many lengths from the start, the same on both sides. */
  private static BlockColumns at(long length, long... places) {
    long[] local = new long[places.length];
    long[] remote = new long[places.length];
    long[] lengths = new long[places.length];
    for (int i = 0; i < places.length; i++) {
      local[i] = LOCAL + places[i] * length;
      remote[i] = REMOTE + places[i] * length;
      lengths[i] = length;
    }
    return BlockColumns.of(local, remote, lengths);
  }

  @Test
  void neighboursGoOutAsOneRequest() {
    Probe probe = new Probe();
    TransferTask task = task(at(100, 0, 1, 2, 5, 6, 8), probe);
    assertThat(task.claim(probe, 10, Long.MAX_VALUE, Long.MAX_VALUE)).isEqualTo(3);
    assertThat(probe.claimed)
        .containsExactly(
            new Claimed(0, LOCAL, REMOTE, 300, false),
            new Claimed(3, LOCAL + 500, REMOTE + 500, 200, false),
            new Claimed(5, LOCAL + 800, REMOTE + 800, 100, true));
    assertThat(task.hasWork()).isFalse();
    task.completed(2, 400);
    assertThat(probe.ends).isEmpty();
    task.completed(1, 200);
    assertThat(probe.ends).containsExactly(TransferState.COMPLETED);
  }

  /** For who asks what has happened to the transfer. */
  @Test
  void requestsAreCountedWithTheLanesThatTookThem() {
    final class Lane extends Probe {
      private final int number;

      Lane(int number) {
        this.number = number;
      }

      @Override
      public int lane() {
        return number;
      }
    }
    Lane first = new Lane(0);
    Lane second = new Lane(65);
    TransferTask task = task(at(100, 0, 1, 2, 5, 6, 8), first);
    assertThat(task.requests()).isZero();
    assertThat(task.claim(first, 1, Long.MAX_VALUE, Long.MAX_VALUE)).isOne();
    assertThat(task.lanes()).isOne();
    assertThat(task.claim(second, 1, Long.MAX_VALUE, Long.MAX_VALUE)).isOne();
    Claimed lost = second.claimed.removeFirst();
    task.giveBack(lost.block, lost.local, lost.length);
    assertThat(task.claim(first, 10, Long.MAX_VALUE, Long.MAX_VALUE)).isEqualTo(2);
    assertThat(task.requests()).isEqualTo(4);
    assertThat(task.requestsAgain()).isOne();
    assertThat(task.lanes()).isEqualTo(2);
    // Nobody has a number: it is not counted as a lane.
    Probe copier = new Probe();
    TransferTask copied = task(at(100, 0), copier);
    assertThat(copied.claim(copier, 1, Long.MAX_VALUE, Long.MAX_VALUE)).isOne();
    assertThat(copied.lanes()).isZero();
  }

  /** Else the last resort would take what is just being told for what is stuck. */
  @Test
  void whatCompletesNowHasNotBeenEndingForLong() {
    List<Boolean> overdue = new ArrayList<>();
    TransferTask[] made = new TransferTask[1];
    Probe probe =
        new Probe() {
          @Override
          public void taskEnded(
              TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {
            overdue.add(made[0].isEndingSince(start));
          }

          private final long start = System.nanoTime();
        };
    made[0] = task(at(100, 0), probe);
    assertThat(made[0].claim(probe, 1, Long.MAX_VALUE, Long.MAX_VALUE)).isOne();
    made[0].completed(1, 100);
    assertThat(overdue).containsExactly(false);
  }

  @Test
  void aSinkThatIsFullGetsNoMoreThanTheOneThatFilledIt() {
    Probe probe =
        new Probe() {
          @Override
          public boolean isFull() {
            return claimed.size() >= 2;
          }
        };
    TransferTask task = task(at(100, 0, 2, 4, 6), probe);
    assertThat(task.claim(probe, 10, Long.MAX_VALUE, Long.MAX_VALUE)).isEqualTo(2);
    // One is always handed out: whoever claims has found room.
    assertThat(task.claim(probe, 10, Long.MAX_VALUE, Long.MAX_VALUE)).isEqualTo(1);
    assertThat(task.hasWork()).isTrue();
  }

  @Test
  void neighboursOnOneSideOnlyStayApart() {
    Probe probe = new Probe();
    TransferTask task =
        task(
            BlockColumns.of(
                new long[] {LOCAL, LOCAL + 100, LOCAL + 300},
                new long[] {REMOTE, REMOTE + 200, REMOTE + 300},
                new long[] {100, 100, 100}),
            probe);
    assertThat(task.claim(probe, 10, Long.MAX_VALUE, Long.MAX_VALUE)).isEqualTo(3);
  }

  @Test
  void nothingIsMergedAcrossASeamOrWhereTheBuffersAreUnknown() {
    SeamFinder seam =
        new SeamFinder(new long[] {REMOTE, REMOTE + 200}, new long[] {REMOTE + 200, REMOTE + 400});
    Probe probe = new Probe();
    task(at(100, 0, 1, 2, 3), whole(LOCAL), seam, probe)
        .claim(probe, 10, Long.MAX_VALUE, Long.MAX_VALUE);
    assertThat(probe.claimed).extracting(Claimed::length).containsExactly(200L, 200L);
    SeamFinder localSeam =
        new SeamFinder(new long[] {LOCAL, LOCAL + 100}, new long[] {LOCAL + 100, LOCAL + 400});
    Probe second = new Probe();
    task(at(100, 0, 1, 2, 3), localSeam, whole(REMOTE), second)
        .claim(second, 10, Long.MAX_VALUE, Long.MAX_VALUE);
    assertThat(second.claimed).extracting(Claimed::length).containsExactly(100L, 300L);
    Probe third = new Probe();
    task(at(100, 0, 1, 2), whole(LOCAL), new SeamFinder(new long[0], new long[0]), third)
        .claim(third, 10, Long.MAX_VALUE, Long.MAX_VALUE);
    assertThat(third.claimed).hasSize(3);
  }

  @Test
  void aLargeBlockGoesOutInPieces() {
    Probe probe = new Probe();
    TransferTask task = task(at(1000, 0), probe);
    assertThat(task.claim(probe, 2, Long.MAX_VALUE, 300)).isEqualTo(2);
    assertThat(task.claim(probe, 10, 300, 300)).isEqualTo(1);
    assertThat(task.claim(probe, 10, Long.MAX_VALUE, 300)).isEqualTo(1);
    assertThat(probe.claimed).extracting(Claimed::length).containsExactly(300L, 300L, 300L, 100L);
    assertThat(probe.claimed).allMatch(c -> c.block() == 0 && c.unmerged());
  }

  @Test
  void aMergedRequestThatIsRejectedComesBackInBlocksOnce() {
    Probe probe = new Probe();
    TransferTask task = task(at(100, 0, 1, 2), probe);
    task.claim(probe, 10, Long.MAX_VALUE, 250);
    Claimed first = probe.claimed.removeFirst();
    assertThat(first.length()).isEqualTo(250);
    assertThat(reject(task, first)).isTrue();
    Claimed tail = probe.claimed.removeFirst();
    task.completed(1, tail.length());
    task.claim(probe, 10, Long.MAX_VALUE, 250);
    assertThat(probe.claimed)
        .containsExactly(
            new Claimed(0, LOCAL, REMOTE, 100, true),
            new Claimed(1, LOCAL + 100, REMOTE + 100, 100, true),
            new Claimed(2, LOCAL + 200, REMOTE + 200, 50, true));
    task.completed(2, 200);
    assertThat(reject(task, probe.claimed.getLast())).isFalse();
    assertThat(probe.ends).containsExactly(TransferState.FAILED);
    assertThat(probe.failure).isSameAs(WHY);
  }

  private static boolean reject(TransferTask task, Claimed c) {
    return task.rejected(c.block, c.local, c.length, c.unmerged, WHY);
  }

  private static void giveBack(TransferTask task, Claimed c) {
    task.giveBack(c.block, c.local, c.length);
  }

  @Test
  void theRestOfAMergedRequestKnowsItsBlocks() {
    Probe probe = new Probe();
    TransferTask task = task(at(100, 0, 1, 2, 3), probe);
    task.claim(probe, 1, Long.MAX_VALUE, Long.MAX_VALUE);
    giveBack(task, probe.claimed.removeFirst());
    // Now a transport that sends smaller requests takes over.
    task.claim(probe, 10, Long.MAX_VALUE, 250);
    assertThat(probe.claimed)
        .containsExactly(
            new Claimed(0, LOCAL, REMOTE, 250, false),
            new Claimed(2, LOCAL + 250, REMOTE + 250, 150, false));
    assertThat(reject(task, probe.claimed.removeLast())).isTrue();
    probe.claimed.clear();
    task.claim(probe, 10, Long.MAX_VALUE, 250);
    assertThat(probe.claimed)
        .containsExactly(
            new Claimed(2, LOCAL + 250, REMOTE + 250, 50, true),
            new Claimed(3, LOCAL + 300, REMOTE + 300, 100, true));
  }

  @Test
  void whatIsGivenBackIsNext() {
    Probe probe = new Probe();
    TransferTask task = task(at(100, 0, 2, 4, 6), probe);
    task.claim(probe, 3, Long.MAX_VALUE, Long.MAX_VALUE);
    List<Claimed> first = List.copyOf(probe.claimed);
    probe.claimed.clear();
    first.reversed().forEach(c -> giveBack(task, c));
    task.claim(probe, 10, Long.MAX_VALUE, Long.MAX_VALUE);
    assertThat(probe.claimed).startsWith(first.toArray(new Claimed[0])).hasSize(4);
  }

  @Test
  void anEndWaitsForWhatIsOutAndHasItsOwnerCancelThat() {
    Probe probe = new Probe();
    TransferTask task = task(at(100, 0, 2), probe);
    AtomicInteger canceled = new AtomicInteger();
    task.setOwner(
        new TransferTask.Owner() {
          @Override
          public void cancelRequests(TransferTask canceledTask) {
            canceled.incrementAndGet();
          }

          @Override
          public void cutOff(TransferTask overdue) {
            throw new AssertionError("nothing is overdue");
          }
        });
    task.claim(probe, 1, Long.MAX_VALUE, Long.MAX_VALUE);
    task.end(TransferState.CANCELED, WHY, FailureCause.CANCELED);
    assertThat(probe.ends).isEmpty();
    assertThat(canceled).hasValue(1);
    assertThat(task.claim(probe, 1, Long.MAX_VALUE, Long.MAX_VALUE)).isZero();
    assertThat(task.hasWork()).isFalse();
    giveBack(task, probe.claimed.getFirst());
    assertThat(probe.ends).containsExactly(TransferState.CANCELED);
    task.end(TransferState.TIMEOUT, WHY, FailureCause.TIMEOUT);
    assertThat(probe.ends).hasSize(1);
  }

  @Test
  void anEndThatTheLastAnswerOvertakesIsACompletionWithoutAFailure() {
    Probe probe = new Probe();
    TransferTask task = task(at(100, 0), probe);
    task.claim(probe, 1, Long.MAX_VALUE, Long.MAX_VALUE);
    task.end(TransferState.CANCELED, WHY, FailureCause.CANCELED);
    task.completed(1, 100);
    assertThat(probe.ends).containsExactly(TransferState.COMPLETED);
    assertThat(probe.failure).isNull();
  }

  @Test
  void anyOrderOfEventsSettlesEveryByteOnce() {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("TransferTask: replay with -Dseed=" + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 2000; round++) {
      runModel(random);
    }
  }

  private static void runModel(Random random) {
    int count = 1 + random.nextInt(30);
    int[] settled = new int[count * 200 + 1];
    long[] places = new long[count];
    for (int i = 1; i < count; i++) {
      places[i] = places[i - 1] + (random.nextInt(3) == 0 ? 2 : 1);
    }
    long length = 1L + random.nextInt(90);
    BlockColumns blocks = at(length, places);
    Probe probe = new Probe();
    TransferTask task = task(blocks, probe);
    boolean ending = false;
    int rejections = 0;
    while (probe.ends.isEmpty()) {
      long maxRequest = 1L + random.nextInt(random.nextBoolean() ? 50 : 500);
      int before = probe.claimed.size();
      int claimed = task.claim(probe, 1 + random.nextInt(4), 1L + random.nextInt(300), maxRequest);
      assertThat(probe.claimed.size() - before).isEqualTo(claimed);
      assertThat(claimed == 0 || !ending).isTrue();
      if (probe.claimed.isEmpty()) {
        continue;
      }
      Claimed one = random.nextBoolean() ? probe.claimed.removeFirst() : probe.claimed.removeLast();
      assertThat(one.length()).isBetween(1L, maxRequest > 500 ? maxRequest : 500L);
      switch (random.nextInt(8)) {
        case 0, 1 -> giveBack(task, one);
        case 2 -> {
          if (!one.unmerged()) {
            boolean spansBlocks = one.local() + one.length() > blocks.local(one.block()) + length;
            boolean goesOn = reject(task, one);
            assertThat(goesOn).isEqualTo(spansBlocks && !ending);
            ending |= !goesOn;
            rejections++;
          } else {
            giveBack(task, one);
          }
        }
        case 3 -> {
          if (random.nextInt(40) == 0) {
            task.end(TransferState.CANCELED, WHY, FailureCause.CANCELED);
            ending = true;
          }
          giveBack(task, one);
        }
        default -> {
          for (long i = 0; i < one.length(); i++) {
            settled[(int) (one.local() - LOCAL + i)]++;
          }
          task.completed(1, one.length());
        }
      }
    }
    assertThat(probe.ends).hasSize(1);
    assertThat(probe.claimed).isEmpty();
    assertThat(rejections).isNotNegative();
    boolean completed = probe.ends.getFirst() == TransferState.COMPLETED;
    for (int i = 0; i < count; i++) {
      for (long b = 0; b < length; b++) {
        int times = settled[(int) (places[i] * length + b)];
        assertThat(times).isBetween(completed ? 1 : 0, 1);
      }
    }
    assertThat(completed).isEqualTo(task.completedBytes() == blocks.totalBytes());
  }

  @Test
  void endsAndAnswersMayRace() throws Exception {
    for (int round = 0; round < 300; round++) {
      AtomicInteger ends = new AtomicInteger();
      CountDownLatch told = new CountDownLatch(1);
      BlockColumns blocks = at(10, 0, 2, 4, 6, 8, 10);
      Probe unused = new Probe();
      TransferTask task =
          new TransferTask(
              Operation.READ,
              blocks,
              whole(LOCAL),
              whole(REMOTE),
              (_, _, _) -> {
                ends.incrementAndGet();
                told.countDown();
              });
      Thread canceler =
          Thread.ofPlatform()
              .start(() -> task.end(TransferState.CANCELED, WHY, FailureCause.CANCELED));
      while (task.claim(unused, 2, Long.MAX_VALUE, Long.MAX_VALUE) > 0) {
        while (!unused.claimed.isEmpty()) {
          task.completed(1, unused.claimed.removeFirst().length());
        }
      }
      canceler.join();
      told.await();
      assertThat(ends).hasValue(1);
    }
  }

  /** The sweeper may look between a completed task's last byte and its end being told. */
  @Test
  void aTaskThatHasJustCompletedIsNotOverdue() {
    BlockColumns blocks = at(10, 0);
    TransferTask task =
        new TransferTask(Operation.WRITE, blocks, whole(LOCAL), whole(REMOTE), (_, _, _) -> {});
    Probe sink = new Probe();
    assertThat(task.claim(sink, 1, Long.MAX_VALUE, Long.MAX_VALUE)).isEqualTo(1);
    long before = System.nanoTime();
    task.completed(1, 10);
    assertThat(task.isEndingSince(before)).isFalse();
  }

  /** Memory runs out at each step of cutting the request up, the last ones behind some pieces. */
  @Test
  void aRefusalThatFindsNoMemoryChangesNothing() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("-Xmx32m", "-XX:+UseSerialGC"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            ScarceMemoryMain.class);
    assertThat(result.exitStatus()).as(result.output()).isZero();
    assertThat(result.output()).contains("0 requests out").contains("50000 returned");
    assertThat(result.output()).containsPattern("thrown [1-9][0-9]+,");
  }
}
