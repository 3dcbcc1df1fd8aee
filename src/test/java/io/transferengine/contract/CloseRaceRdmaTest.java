// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.engine.EngineCore;
import io.transferengine.engine.TransferHandle;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.testkit.EngineThreads;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Engines with RDMA (simulated devices) are closed at random moments of handshakes, transfers and
 * registrations. Nothing is thrown, and nothing is left: no thread, no handle of a device, no
 * region. CloseRaceTest does it over TCP.
 */
@Timeout(240)
class CloseRaceRdmaTest {
  private static final int ROUNDS = 150;
  private static final int WORKERS = 4;
  private static final int BYTES = 1 << 20;
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final Duration LONG = Duration.ofSeconds(60);

  private final Queue<Throwable> thrown = new ConcurrentLinkedQueue<>();
  private final AtomicInteger completed = new AtomicInteger();

  @Test
  void closesAtAnyMomentThrowNothingAndLeaveNothing() throws Exception {
    System.out.println("CloseRaceRdmaTest: replay with -Dseed=" + SEED);
    int cutOff = 0;
    for (int round = 0; round < ROUNDS; round++) {
      try {
        cutOff += round(new Random(SEED + round)) ? 1 : 0;
      } catch (Throwable t) {
        throw new AssertionError("-Dseed=" + (SEED + round) + " in its first round", t);
      }
      assertThat(thrown).as("-Dseed=%d in its first round", SEED + round).isEmpty();
    }
    System.out.printf("%d completed, %d rounds had transfers cut off%n", completed.get(), cutOff);
    assertThat(completed).as("transfers that came before the close").hasPositiveValue();
    assertThat(cutOff).as("rounds with transfers that came after it").isPositive();
    Awaitility.await().until(() -> EngineThreads.names().isEmpty());
  }

  /** {@return whether a transfer did not complete} */
  private boolean round(Random random) throws InterruptedException {
    try (SimulatedRdmaSetup setup = new SimulatedRdmaSetup(random.nextLong());
        Mapped there = Mapped.of(BYTES);
        Mapped here = Mapped.of(WORKERS * BYTES);
        EngineCore peer = setup.open("peer");
        EngineCore subject = setup.open("subject")) {
      var _ = peer.memory().register(there.address(), BYTES, "*");
      List<Thread> workers = new ArrayList<>();
      for (int i = 0; i < WORKERS; i++) {
        Worker worker =
            new Worker(
                subject,
                peer,
                here.address() + (long) i * BYTES,
                there.address(),
                new Random(random.nextLong()));
        // The last one never does: somebody has to transfer what the others wait for.
        boolean closes = i == 0 || (i < WORKERS - 1 && random.nextInt(6) == 0);
        // By the clock and by what was done: on a busy machine nothing completes in 30 ms.
        long completions = random.nextInt(4) == 0 ? 1 + random.nextInt(10) : 0;
        long delayNanos = random.nextInt(random.nextBoolean() ? 3_000_000 : 30_000_000);
        Runnable work =
            closes
                ? () -> {
                  LockSupport.parkNanos(delayNanos);
                  awaitCompleted(subject, completions);
                  end(subject);
                }
                : worker::run;
        workers.add(
            random.nextBoolean()
                ? Thread.ofVirtual().start(() -> caught(work))
                : Thread.ofPlatform().name("worker").start(() -> caught(work)));
      }
      if (random.nextInt(3) == 0) {
        workers.get(random.nextInt(WORKERS)).interrupt();
      }
      for (Thread worker : workers) {
        worker.join();
      }
      end(subject);
      assertThat(subject.memory().regions().inOrder()).isEmpty();
      Awaitility.await().until(() -> peer.memory().regions().inOrder().getFirst().inFlight() == 0);
      return assertAllEnded(subject);
    }
  }

  private static void awaitCompleted(EngineCore engine, long count) {
    while (!engine.isClosed() && engine.metrics().get(Counter.TRANSFERS_COMPLETED) < count) {
      LockSupport.parkNanos(200_000);
    }
  }

  private static void end(EngineCore engine) {
    engine.close();
  }

  private void caught(Runnable work) {
    try {
      work.run();
    } catch (Throwable t) {
      thrown.add(t);
    }
  }

  private static boolean assertAllEnded(EngineCore engine) {
    MetricsSnapshot all = engine.metrics();
    long others =
        all.get(Counter.TRANSFERS_FAILED)
            + all.get(Counter.TRANSFERS_TIMED_OUT)
            + all.get(Counter.TRANSFERS_CANCELED);
    assertThat(all.get(Counter.TRANSFERS_SUBMITTED))
        .as("every transfer has ended")
        .isEqualTo(all.get(Counter.TRANSFERS_COMPLETED) + others);
    return others > 0;
  }

  /** Does this and that until the engine is closed. */
  private final class Worker {
    private final EngineCore engine;
    private final EngineCore peer;
    private final long mine;
    private final long theirs;
    private final Random random;

    Worker(EngineCore engine, EngineCore peer, long mine, long theirs, Random random) {
      this.engine = engine;
      this.peer = peer;
      this.mine = mine;
      this.theirs = theirs;
      this.random = random;
    }

    void run() {
      for (int i = 0; i < 2000 && !engine.isClosed(); i++) {
        try {
          step();
        } catch (TransferException e) {
          // That the engine is closed, say.
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      // Only when that has ended is the memory ours alone.
      end(engine);
    }

    private void step() throws InterruptedException {
      int length = 1 + random.nextInt(random.nextBoolean() ? 100 : BYTES);
      Operation operation = random.nextBoolean() ? Operation.READ : Operation.WRITE;
      switch (random.nextInt(8)) {
        case 0 -> engine.warmUp(peer.segmentName(), LONG);
        case 1 -> engine.probe(peer.segmentName(), LONG);
        case 2 -> {
          int _ = engine.open(peer.segmentName(), LONG).buffers().size();
        }
        case 3 -> {
          long block = engine.memory().allocate(length).address();
          engine.memory().free(block, length);
        }
        default -> transfer(operation, length);
      }
    }

    private void transfer(Operation operation, int length) throws InterruptedException {
      var _ = engine.memory().register(mine, BYTES, "*");
      BlockColumns blocks = BlockColumns.of(mine, theirs, length);
      TransferHandle out = engine.submit(TransferRequest.of(operation, peer.segmentName(), blocks));
      if (random.nextInt(4) == 0) {
        BlockColumns back = BlockColumns.of(theirs, mine, length);
        var _ = peer.submit(TransferRequest.of(operation, engine.segmentName(), back));
      }
      if (random.nextInt(4) > 0 && out.await(LONG).isTerminal() && out.failure().isEmpty()) {
        completed.incrementAndGet();
      }
      engine.memory().unregister(mine);
    }
  }
}
