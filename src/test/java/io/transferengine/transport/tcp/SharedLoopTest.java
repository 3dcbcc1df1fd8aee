// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A loop whose turns callers make: one at a time, and nothing that is given to it is forgotten. */
@Timeout(120)
class SharedLoopTest {
  private static final SharedLoop.Watched QUIET = () -> true;

  private final EventLoopGroup group = SharedLoop.group(NioIoHandler.newFactory());
  private final SharedLoop loop = (SharedLoop) group.next();

  @AfterEach
  void end() throws InterruptedException {
    var _ = group.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    assertThat(group.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
  }

  /** Asks for the loop until its thread has let go of it. */
  private void take() throws Exception {
    loop.submit(() -> {}).get(); // It has begun.
    while (!loop.take()) {
      LockSupport.parkNanos(10_000);
    }
  }

  @Test
  void whoHasItIsTheLoop() throws Exception {
    take();
    assertThat(loop.inEventLoop()).isTrue();
    Thread mine = Thread.currentThread();
    Future<Thread> ran = loop.submit(Thread::currentThread);
    loop.look().run();
    assertThat(ran.get()).isSameAs(mine);
    loop.leave(QUIET);
    assertThat(loop.inEventLoop()).isFalse();
  }

  @Test
  void nobodyElseGetsItMeanwhile() throws Exception {
    take();
    AtomicBoolean taken = new AtomicBoolean();
    Thread other = Thread.ofPlatform().start(() -> taken.set(loop.take()));
    other.join();
    assertThat(taken).isFalse();
    loop.leave(QUIET);
  }

  @Test
  void whatComesWhileItIsFreeIsDoneByItsOwnThread() throws Exception {
    for (int i = 0; i < 1000; i++) {
      if (loop.take()) {
        loop.leave(QUIET);
      }
      Thread ran = loop.submit(Thread::currentThread).get();
      assertThat(ran.getName()).startsWith("te-tcp-callers");
    }
  }

  @Test
  void whatComesWhileACallerHasItIsDoneAtTheLatestWhenItLeaves() throws Exception {
    for (int i = 0; i < 100; i++) {
      take();
      AtomicBoolean ran = new AtomicBoolean();
      Thread other = Thread.ofPlatform().start(() -> loop.execute(() -> ran.set(true)));
      other.join();
      loop.leave(QUIET);
      Awaitility.await().untilTrue(ran);
    }
  }

  @Test
  void aCallerWhoSleepsOnItIsWokenByATask() throws Exception {
    take();
    Thread mine = Thread.currentThread();
    AtomicBoolean ran = new AtomicBoolean();
    Thread other =
        Thread.ofPlatform()
            .start(
                () -> {
                  Awaitility.await().until(() -> mine.getState() == Thread.State.RUNNABLE);
                  loop.execute(() -> ran.set(Thread.currentThread() == mine));
                });
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!ran.get() && System.nanoTime() - until < 0) {
      loop.sleep(until);
    }
    assertThat(ran).isTrue();
    loop.leave(QUIET);
    other.join();
  }

  @Test
  void whatACallerLeavesUnfinishedItsOwnThreadKeepsTheLoopFor() throws Exception {
    take();
    AtomicBoolean quiet = new AtomicBoolean();
    loop.leave(quiet::get);
    assertThat(loop.take()).as("before its thread is awake").isFalse();
    // Its thread has it by the time that it does something.
    loop.submit(() -> {}).get();
    for (int i = 0; i < 100; i++) {
      assertThat(loop.take()).isFalse();
      loop.submit(() -> {}).get();
    }
    quiet.set(true);
    take();
    loop.leave(QUIET);
  }

  @Test
  void aFaultInATurnIsNoCallers() throws Exception {
    take();
    loop.execute(
        () -> {
          throw new IllegalStateException("a task's");
        });
    loop.look().run();
    loop.leave(QUIET);
    take();
    loop.leave(QUIET);
  }

  @Test
  void aScheduledTaskIsDoneInTimeWhoeverHasIt() throws Exception {
    take();
    Future<?> soon = loop.schedule(() -> {}, 1, TimeUnit.MILLISECONDS);
    loop.leave(QUIET);
    var _ = soon.get();
  }

  /** What is confined to the loop needs no lock: each sees what the last one did. */
  @Test
  void oneAtATimeHasIt() throws Exception {
    int callers = 4;
    int rounds = 20_000;
    int[] count = new int[1];
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger expected = new AtomicInteger();
    AtomicInteger turns = new AtomicInteger();
    Queue<String> wrong = new ConcurrentLinkedQueue<>();
    CountDownLatch ended = new CountDownLatch(callers);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < callers; i++) {
      int index = i;
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int round = 0; round < rounds; round++) {
                      if (index == 0 && round % 5 == 0) {
                        expected.incrementAndGet();
                        loop.execute(
                            () -> {
                              if (!loop.inEventLoop()) {
                                wrong.add("a task elsewhere");
                              }
                              count[0]++;
                            });
                        if (round % 500 == 0) {
                          LockSupport.parkNanos(100_000);
                        }
                      }
                      if (loop.take()) {
                        if (inside.incrementAndGet() != 1) {
                          wrong.add("two have it");
                        }
                        count[0]++;
                        expected.incrementAndGet();
                        turns.incrementAndGet();
                        loop.look().run();
                        inside.decrementAndGet();
                        loop.leave(QUIET);
                      }
                    }
                    ended.countDown();
                  }));
    }
    ended.await();
    for (Thread each : threads) {
      each.join();
    }
    assertThat(wrong).isEmpty();
    assertThat(loop.submit(() -> count[0]).get()).isEqualTo(expected.get());
    assertThat(turns.get()).isPositive();
  }

  @Test
  void itEndsWhileACallerHasItOnceThatOneLeaves() throws Exception {
    take();
    var _ = group.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    loop.leave(QUIET);
    assertThat(group.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
    assertThat(loop.take()).isFalse();
  }
}
