// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Who uses a region, who takes it back and who waits, all at once, thousands of times: nobody is
 * inside once the wait is over, and no wait misses the last one who left.
 */
@Timeout(60)
class RegionConcurrencyTest {
  private static final int ROUNDS = 3000;

  /** What threads of one round do; they begin together, each after a pause of its own. */
  private static void together(Random random, List<Callable<Void>> actions) throws Exception {
    CyclicBarrier start = new CyclicBarrier(actions.size());
    try (ExecutorService threads =
        Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
      List<Future<Void>> running = new ArrayList<>();
      for (Callable<Void> action : actions) {
        int spins = random.nextInt(2000);
        running.add(
            threads.submit(
                () -> {
                  start.await();
                  for (int i = 0; i < spins; i++) {
                    Thread.onSpinWait();
                  }
                  return action.call();
                }));
      }
      for (Future<Void> one : running) {
        one.get();
      }
    }
  }

  @Test
  void nobodyIsInsideOnceAWaitIsOverAndNoWaitIsForgotten() throws Exception {
    Random random = Seeds.random("nobodyIsInsideOnceAWaitIsOverAndNoWaitIsForgotten");
    for (int round = 0; round < ROUNDS / 10; round++) {
      Region region =
          new Region(0x1000, 0x1000, "*", MemoryKind.host(), AccessRights.READ_WRITE, 0);
      AtomicInteger inside = new AtomicInteger();
      AtomicInteger closers = new AtomicInteger();
      List<Callable<Void>> actions = new ArrayList<>();
      for (int user = 0; user < 2; user++) {
        int uses = 1 + random.nextInt(50);
        actions.add(
            () -> {
              for (int i = 0; i < uses; i++) {
                if (region.acquire()) {
                  inside.incrementAndGet();
                  Thread.onSpinWait();
                  inside.decrementAndGet();
                  region.release();
                } else {
                  assertThat(region.isRefused()).isTrue();
                }
              }
              return null;
            });
      }
      for (int waiter = 0; waiter < 3; waiter++) {
        boolean refuses = waiter < 2;
        actions.add(
            () -> {
              if (refuses && region.refuse()) {
                closers.incrementAndGet();
              }
              // A missed notification shows as a wait that lasts until the test's limit.
              assertThat(region.awaitIdle(Duration.ofDays(1))).isTrue();
              assertThat(inside).hasValue(0);
              assertThat(region.acquire()).isFalse();
              return null;
            });
      }
      together(random, actions);
      assertThat(closers).hasValue(1);
      assertThat(region.inFlight()).isZero();
    }
  }

  /**
   * A block is closed, then its owner looks whether somebody is inside; a user counts himself, then
   * looks whether the block is open. Never may both think that they are alone.
   */
  @Test
  void whoFreesABlockSeesEveryUserOrIsSeen() throws Exception {
    Random random = Seeds.random("whoFreesABlockSeesEveryUserOrIsSeen");
    LiveBlocks blocks = LiveBlocks.ofPool(64 << 10);
    Region region =
        new Region(0x10000, 64 << 10, new OffHeapSource("*"), AccessRights.READ_WRITE, 0, blocks);
    AtomicInteger wrong = new AtomicInteger();
    AtomicInteger used = new AtomicInteger();
    long[] owned = new long[1];
    CyclicBarrier step = new CyclicBarrier(3);
    int[] pauses = random.ints(3 * ROUNDS, 0, 300).toArray();
    List<Callable<Void>> actions = new ArrayList<>();
    actions.add(
        () -> {
          for (int round = 0; round < ROUNDS; round++) {
            blocks.admit(0, 5000);
            owned[0] = 0;
            step.await();
            pause(pauses[3 * round]);
            assertThat(blocks.refuse(0)).isTrue();
            while (region.inFlight() > 0) {
              Thread.onSpinWait();
            }
            owned[0] = round + 1L;
            step.await();
          }
          return null;
        });
    for (int user = 1; user <= 2; user++) {
      int mine = user;
      actions.add(
          () -> {
            for (int round = 0; round < ROUNDS; round++) {
              step.await();
              pause(pauses[3 * round + mine]);
              if (region.acquire(0x10000 + 100, 4900)) {
                used.incrementAndGet();
                if (owned[0] != 0) {
                  wrong.incrementAndGet();
                }
                region.release();
              }
              step.await();
            }
            return null;
          });
    }
    together(random, actions);
    assertThat(wrong).hasValue(0);
    assertThat(used.get()).as("of %s that were tried", 2 * ROUNDS).isPositive();
    assertThat(region.inFlight()).isZero();
  }

  private static void pause(int spins) {
    for (int i = 0; i < spins; i++) {
      Thread.onSpinWait();
    }
  }
}
