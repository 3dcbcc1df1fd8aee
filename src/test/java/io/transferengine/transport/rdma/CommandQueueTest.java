// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Wake-ups that throw while what is the worker's is lent. */
@Timeout(60)
class CommandQueueTest {
  private static final int ALWAYS = Integer.MAX_VALUE;

  private final Channel channel = new Channel();
  private final CommandQueue commands = new CommandQueue(channel);
  private final Semaphore ran = new Semaphore(0);
  private final Thread worker = Thread.ofPlatform().daemon().start(this::work);

  /** Like an eventfd; some wake-ups find no memory. */
  private static final class Channel implements CommandQueue.Bed {
    private final Semaphore wakeUps = new Semaphore(0);
    private final Semaphore sleeps = new Semaphore(0);
    private final AtomicInteger failing = new AtomicInteger();

    @Override
    public void sleep(int maxMillis) {
      sleeps.release();
      try {
        if (maxMillis < 0) {
          wakeUps.acquire();
        } else {
          boolean _ = wakeUps.tryAcquire(maxMillis, TimeUnit.MILLISECONDS);
        }
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public void wakeUp() {
      if (failing.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
        throw new OutOfMemoryError("asked for");
      }
      wakeUps.release();
    }
  }

  private void work() {
    while (!commands.isStopping()) {
      for (Runnable next = commands.poll(); next != null; next = commands.poll()) {
        next.run();
      }
      commands.sleepWhileEmpty(-1);
    }
  }

  private void borrow() throws InterruptedException {
    channel.sleeps.acquire();
    assertThat(commands.borrow()).isTrue();
  }

  @Test
  void noCommandIsLostWhereEveryWakeUpOfTheBorrowerFails() throws Exception {
    borrow();
    commands.add(ran::release);
    channel.sleeps.acquire(); // it has left its note
    channel.failing.set(ALWAYS);
    commands.giveBack(false);
    ran.acquire();
    channel.failing.set(0);
    commands.stop();
    worker.join();
  }

  @Test
  void aStopIsNotLostEither() throws Exception {
    borrow();
    commands.stop();
    channel.sleeps.acquire();
    channel.failing.set(ALWAYS);
    commands.giveBack(false);
    worker.join();
  }

  @Test
  void aWakeUpThatFailsAFewTimesIsTriedAgain() throws Exception {
    borrow();
    channel.failing.set(4);
    commands.giveBack(true);
    channel.sleeps.acquire(); // the next one, so it was awake
    commands.stop();
    worker.join();
  }

  /** Where all fail, the next one who has something to do for the worker wakes it. */
  @Test
  void whatIsGivenBackIsLentAgainOnlyAfterAWakeUp() throws Exception {
    borrow();
    channel.failing.set(ALWAYS);
    commands.giveBack(true);
    assertThat(commands.borrow()).isFalse();
    channel.failing.set(0);
    commands.add(ran::release);
    ran.acquire();
    commands.stop();
    worker.join();
  }
}
