// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class GivingBackTest {
  private final GivingBack giving = new GivingBack();
  private final AtomicInteger runs = new AtomicInteger();

  /** Else it frees memory that the first still waits to be left alone. */
  @Test
  void whoComesSecondWaitsForTheFirst() throws Exception {
    CountDownLatch began = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    Thread first =
        Thread.ofPlatform()
            .start(
                () ->
                    giving.run(
                        () -> {
                          began.countDown();
                          awaitUninterruptibly(mayEnd);
                          runs.incrementAndGet();
                        }));
    began.await();
    FutureTask<Integer> seenBySecond =
        new FutureTask<>(
            () -> {
              giving.run(runs::incrementAndGet);
              return runs.get();
            });
    Thread second = Thread.ofPlatform().start(seenBySecond);
    while (second.getState() != Thread.State.WAITING && !seenBySecond.isDone()) {
      Thread.onSpinWait();
    }
    assertThat(seenBySecond).isNotDone();

    mayEnd.countDown();

    assertThat(seenBySecond.get()).isOne();
    first.join();
    assertThat(giving.isDone()).isTrue();
    assertThat(runs).hasValue(1);
  }

  @Test
  void whatFailedIsTriedAgain() {
    assertThatThrownBy(
            () ->
                giving.run(
                    () -> {
                      throw new IllegalStateException("still in use");
                    }))
        .hasMessage("still in use");
    assertThat(giving.isDone()).isFalse();

    giving.run(runs::incrementAndGet);
    giving.run(runs::incrementAndGet);

    assertThat(giving.isDone()).isTrue();
    assertThat(runs).hasValue(1);
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
