// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.SimulatedEngine.Started;
import io.transferengine.verbs.SimulatedFabric;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Small transfers one after the other: the worker sleeps at the beginning of each, so that callers
 * post them. What they do not see complete, it does.
 */
@Timeout(60)
class RdmaCallersTest {
  private static final String WORKER = "te-rdma-sim0-";
  private static final int BLOCKS = 32;
  private static final int BYTES = 300;

  private final SimulatedFabric fabric = new SimulatedFabric(15);
  private final SimulatedEngine a = engine("left");
  private final SimulatedEngine b = engine("right");
  private final MemorySegment here = a.register(2L * BLOCKS * BYTES);
  private final MemorySegment there = b.register(2L * BLOCKS * BYTES);
  private final BlockColumns blocks = blocks();

  private SimulatedEngine engine(String process) {
    return new SimulatedEngine(fabric.process(process, List.of("sim0")), List.of("sim0"), Map.of());
  }

  /** As many requests as a caller may post; two of them ask for a completion. */
  private BlockColumns blocks() {
    long[] locals = new long[BLOCKS];
    long[] remotes = new long[BLOCKS];
    long[] lengths = new long[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
      locals[i] = here.address() + 2L * i * BYTES;
      remotes[i] = there.address() + 2L * i * BYTES;
      lengths[i] = BYTES;
    }
    return BlockColumns.of(locals, remotes, lengths);
  }

  @BeforeEach
  void connect() throws Exception {
    completes(a.write(b, blocks));
  }

  @AfterEach
  void nothingIsLeft() {
    a.close();
    b.close();
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
  }

  private static void completes(Started started) throws Exception {
    assertThat(started.await().state()).isEqualTo(TransferState.COMPLETED);
  }

  /** Both engines' workers sleep, and nothing is under way that wakes them. */
  private static void awaitIdleWorkers() {
    await()
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(1))
        .until(
            () ->
                Thread.getAllStackTraces().keySet().stream().allMatch(RdmaCallersTest::mayBeIdle));
  }

  private static boolean mayBeIdle(Thread thread) {
    return !thread.getName().startsWith(WORKER)
        || thread.getState() == Thread.State.WAITING
        || thread.getState() == Thread.State.TIMED_WAITING;
  }

  /** {@return who has posted a small transfer that this thread submitted to an idle worker} */
  private String posterOfOne() throws Exception {
    awaitIdleWorkers();
    completes(a.write(b, blocks));
    return fabric.lastPoster();
  }

  @Test
  void platformThreadsPostWhereTheWorkerIsIdle() throws Exception {
    String poster = posterOfOne();
    for (int round = 0; round < 20 && poster.startsWith(WORKER); round++) {
      poster = posterOfOne(); // a timer may have woken it
    }
    assertThat(poster).isEqualTo(Thread.currentThread().getName());
  }

  /** What the caller posts begins as it is made, and the clock is not read a second time for it. */
  @Test
  void whatACallerPostsIsQueuedForNoTime() throws Exception {
    long queued = Long.MAX_VALUE;
    for (int round = 0; round < 20 && queued > 1; round++) {
      awaitIdleWorkers();
      fabric.faults().hold();
      Started write = a.write(b, blocks);
      Started next = a.write(b, blocks);
      await().until(() -> write.task().isStarted() && next.task().isStarted());
      queued = write.task().startedNanos() - write.task().progressNanos();
      // This one goes to the worker, which has to wake up.
      assertThat(next.task().startedNanos() - next.task().progressNanos()).isGreaterThan(1);
      fabric.faults().release();
      completes(write);
      completes(next);
    }
    assertThat(queued).isBetween(0L, 1L);
  }

  /** At a lock it may lose its carrier, and everybody would wait for what it has borrowed. */
  @Test
  void virtualThreadsDoNotPost() throws Exception {
    for (int round = 0; round < 20; round++) {
      CompletableFuture<String> poster = new CompletableFuture<>();
      Thread virtual =
          Thread.ofVirtual()
              .name("virtual")
              .start(
                  () -> {
                    try {
                      boolean _ = poster.complete(posterOfOne());
                    } catch (Throwable t) {
                      boolean _ = poster.completeExceptionally(t);
                    }
                  });
      assertThat(poster.get()).startsWith(WORKER);
      virtual.join();
    }
  }

  /** The second is not for the caller, which does not wait for the first. */
  @Test
  void whatCompletesAfterTheCallerHasLeft() throws Exception {
    for (int round = 0; round < 20; round++) {
      fabric.faults().hold();
      Started write = a.write(b, blocks);
      Started next = a.write(b, blocks);
      fabric.faults().release();
      completes(write);
      completes(next);
      assertThat(fabric.lastPoster()).startsWith(WORKER);
    }
  }

  @Test
  void whatCompletesInPartWhileTheCallerLooks() throws Exception {
    fabric.faults().delay(Duration.ofNanos(1), Duration.ofNanos(20_000));
    for (int round = 0; round < 1_000; round++) {
      here.fill((byte) round);
      completes(a.write(b, blocks));
      assertThat(there.asSlice(0, BYTES).mismatch(here.asSlice(0, BYTES))).isEqualTo(-1);
    }
  }
}
