// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.cli.faults.FullHeap;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A timer's task that needs memory, in a full heap whose owner waits for the task: as a thread that
 * waits for the end of its transfer.
 */
final class FullHeapTimerMain {
  private static final int TASK_BYTES = 100_000;

  private FullHeapTimerMain() {}

  /** Ends with 0 when the task got its memory, twice. */
  public static void main(String[] arguments) throws InterruptedException {
    FullHeap heap = new FullHeap();
    CountDownLatch loaded = new CountDownLatch(2);
    CountDownLatch[] done = {loaded};
    Runnable task =
        () -> {
          byte[] text = new byte[TASK_BYTES];
          done[text[0]].countDown();
        };
    try (EngineTimer timer = new EngineTimer()) {
      timer.every(Duration.ofMillis(20), "A task of the test's", task);
      loaded.await();
      for (int round = 0; round < 2; round++) {
        CountDownLatch next = new CountDownLatch(3);
        heap.fill();
        done[0] = next;
        boolean got = next.await(20, TimeUnit.SECONDS);
        heap.release();
        if (!got) {
          System.out.println("The task got no memory in round " + round);
          System.exit(1);
        }
        // The reserve is whole again only some time later.
        next = new CountDownLatch(150);
        done[0] = next;
        next.await();
      }
    }
    System.exit(0);
  }
}
