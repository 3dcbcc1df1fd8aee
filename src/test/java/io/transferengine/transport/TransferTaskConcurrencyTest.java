// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Several lanes at one task, each settling what it claimed in whatever way, and somebody who ends
 * it meanwhile: the task ends once, with no request out, and every byte is done at most once.
 */
@Timeout(60)
class TransferTaskConcurrencyTest {
  private static final long LOCAL = 0x10_0000;
  private static final long REMOTE = 0x7f00_0000_0000L;
  private static final int ROUNDS = 400;
  private static final int LANES = 3;

  @SuppressWarnings("StaticAssignmentOfThrowable") // only ever looked at
  private static final TransferException WHY =
      new TransferException(ErrorCode.SOCKET, "test", "none");

  private record Claimed(int block, long local, long remote, long length, boolean unmerged) {}

  /** What one round came to. */
  private static final class Round implements TransferWork.Listener {
    final AtomicInteger out = new AtomicInteger();
    final AtomicInteger ends = new AtomicInteger();
    final AtomicInteger outAtEnd = new AtomicInteger(-1);
    final AtomicReference<@Nullable TransferState> state = new AtomicReference<>();
    final AtomicIntegerArray done;

    Round(long bytes) {
      done = new AtomicIntegerArray((int) bytes);
    }

    @Override
    public void taskEnded(
        TransferState ended, @Nullable TransferException why, @Nullable FailureCause cause) {
      outAtEnd.set(out.get());
      state.set(ended);
      ends.incrementAndGet();
    }
  }

  /** Some adjacent, some apart, so that some are merged. */
  private static BlockColumns blocks(Random random) {
    int count = 1 + random.nextInt(60);
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] lengths = new long[count];
    long at = 0;
    for (int i = 0; i < count; i++) {
      at += random.nextInt(3) == 0 ? 7 : 0;
      lengths[i] = 1L + random.nextInt(40);
      local[i] = LOCAL + at;
      remote[i] = REMOTE + at;
      at += lengths[i];
    }
    return BlockColumns.of(local, remote, lengths);
  }

  private static SeamFinder whole(long start) {
    return new SeamFinder(new long[] {start}, new long[] {start + (1L << 32)});
  }

  /** Claims until the task has ended; settles each request in one of the four ways. */
  private static void lane(TransferTask task, Round round, Random random, boolean mayFail) {
    List<Claimed> claimed = new ArrayList<>();
    RequestSink<TransferTask> sink =
        (of, block, local, remote, length, unmerged) -> {
          // Counted under the task's lock, so before anybody can think that nothing is out.
          round.out.incrementAndGet();
          claimed.add(new Claimed(block, local, remote, length, unmerged));
        };
    while (round.ends.get() == 0) {
      int most = 1 + random.nextInt(5);
      int got = task.claim(sink, most, 1L + random.nextInt(200), 1L + random.nextInt(100));
      if (got == 0) {
        Thread.onSpinWait();
      }
      while (!claimed.isEmpty()) {
        Claimed one = claimed.remove(random.nextInt(claimed.size()));
        // Below zero for none that is out: what the task counts must come after this.
        round.out.decrementAndGet();
        if (task.isEnding() && random.nextBoolean()) {
          task.orphaned(1);
          continue;
        }
        switch (random.nextInt(mayFail ? 9 : 8)) {
          case 0, 1 -> task.giveBack(one.block, one.local, one.length);
          case 2 -> {
            if (one.unmerged) {
              complete(task, round, one);
            } else {
              // A merged one comes back in its blocks; one that lies in a block fails the task.
              boolean _ = task.rejected(one.block, one.local, one.length, false, WHY);
            }
          }
          case 8 -> task.failed(WHY, FailureCause.OTHER);
          default -> complete(task, round, one);
        }
      }
    }
  }

  private static void complete(TransferTask task, Round round, Claimed one) {
    for (long i = 0; i < one.length; i++) {
      round.done.incrementAndGet((int) (one.local + i - LOCAL));
    }
    task.completed(1, one.length);
  }

  @Test
  void theTaskEndsOnceWithNothingOutAndNoByteDoneTwice() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("TransferTaskConcurrencyTest: replay with -Dseed=" + seed);
    Random seeds = new Random(seed);
    int completed = 0;
    for (int i = 0; i < ROUNDS; i++) {
      completed += round(seeds, i) == TransferState.COMPLETED ? 1 : 0;
    }
    assertThat(completed).as("rounds of %s that completed", ROUNDS).isBetween(1, ROUNDS - 1);
  }

  private static TransferState round(Random seeds, int number) throws Exception {
    BlockColumns blocks = blocks(seeds);
    long span = blocks.local(blocks.count() - 1) + blocks.length(blocks.count() - 1) - LOCAL;
    Round round = new Round(span);
    TransferTask task =
        new TransferTask(Operation.WRITE, blocks, whole(LOCAL), whole(REMOTE), round);
    task.setOwner(
        new TransferTask.Owner() {
          @Override
          public void cancelRequests(TransferTask ending) {}

          @Override
          public void cutOff(TransferTask ending) {
            throw new AssertionError("nothing is overdue");
          }
        });
    int kind = number % 3;
    int pause = seeds.nextInt(3000);
    CyclicBarrier start = new CyclicBarrier(LANES + 1);
    try (ExecutorService threads =
        Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
      List<Future<?>> running = new ArrayList<>();
      for (int lane = 0; lane < LANES; lane++) {
        Random random = new Random(seeds.nextLong());
        running.add(
            threads.submit(
                () -> {
                  start.await();
                  lane(task, round, random, kind == 1);
                  return null;
                }));
      }
      start.await();
      if (kind == 2) {
        for (int i = 0; i < pause; i++) {
          Thread.onSpinWait();
        }
        task.end(TransferState.CANCELED, WHY, FailureCause.CANCELED);
      }
      for (Future<?> one : running) {
        one.get();
      }
    }
    assertThat(round.ends).as("round %s: told", number).hasValue(1);
    assertThat(round.outAtEnd).as("round %s: requests out when told", number).hasValue(0);
    assertThat(task.isQuiet()).isTrue();
    long bytes = 0;
    for (int i = 0; i < span; i++) {
      assertThat(round.done.get(i)).as("round %s: byte %s", number, i).isLessThanOrEqualTo(1);
      bytes += round.done.get(i);
    }
    assertThat(task.completedBytes()).isEqualTo(bytes);
    TransferState state = java.util.Objects.requireNonNull(round.state.get());
    assertThat(state == TransferState.COMPLETED)
        .as("round %s: %s with %s of %s bytes", number, state, bytes, blocks.totalBytes())
        .isEqualTo(bytes == blocks.totalBytes());
    return state;
  }
}
