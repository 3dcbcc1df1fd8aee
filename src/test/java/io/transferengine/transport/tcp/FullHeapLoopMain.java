// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.EventLoop;
import io.transferengine.cli.faults.FullHeap;
import io.transferengine.metrics.recording.EngineMetrics;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Event loops of a backend whose first faults are in a full heap: nothing of how they are handled
 * was used before. Ends with 0 if they still serve afterwards.
 */
final class FullHeapLoopMain {
  private static final int FAULTS = 10;
  private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);

  private static volatile boolean isFull;
  private static final AtomicInteger faults = new AtomicInteger();
  private static final AtomicInteger checks = new AtomicInteger();
  private static final AtomicInteger served = new AtomicInteger();

  private FullHeapLoopMain() {}

  /** Argument: the backend. */
  public static void main(String[] arguments) {
    IoBackend backend = IoBackend.valueOf(arguments[0]);
    EventLoops loops = new EventLoops(backend, 1, 65_536, 1 << 20, new EngineMetrics());
    EventLoop loop = loops.next();
    loops.every(Duration.ofMillis(10), "A check of the test's", _ -> checks.incrementAndGet());
    require(() -> checks.get() > 0, "no check is made");
    FullHeap heap = new FullHeap();
    loop.execute(
        () -> {
          while (!isFull) {
            Thread.onSpinWait();
          }
        });
    for (int i = 0; i < FAULTS; i++) {
      loop.execute(
          () -> {
            faults.incrementAndGet();
            faults.addAndGet(new byte[1 << 20].length);
          });
    }
    Condition allThrew = () -> faults.get() == FAULTS;
    heap.fill();
    isFull = true;
    boolean threw = holds(allThrew);
    heap.release();
    require(() -> threw, "the loop went on with " + faults.get() + " tasks only");
    loop.execute(() -> served.incrementAndGet());
    require(() -> served.get() == 1, "the loop serves no more");
    int before = checks.get();
    require(() -> checks.get() > before + 2, "periodic checks are made no more");
    System.exit(0);
  }

  private interface Condition {
    boolean holds();
  }

  private static boolean holds(Condition condition) {
    long end = System.nanoTime() + LIMIT_NANOS;
    while (!condition.holds() && System.nanoTime() - end < 0) {
      Thread.onSpinWait();
    }
    return condition.holds();
  }

  private static void require(Condition condition, String otherwise) {
    if (!holds(condition)) {
      System.out.println(otherwise);
      System.exit(1);
    }
  }
}
