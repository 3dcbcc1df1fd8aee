// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Mapped;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Threads that make, use and close objects of one device, in any order. The simulator complains of
 * each verb that gets what is destroyed, of a parent that goes before its child, and of what is
 * left; the only thing that a thread may see is that an object is closed.
 */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class HandleRaceTest {
  private static final int ROUNDS = 60;
  private static final int THREADS = 4;
  private static final int STEPS = 40;

  private final long seed = Long.getLong("seed", System.nanoTime());

  @Test
  void noOrderOfCallsReachesWhatIsDestroyed() throws Exception {
    System.out.println("HandleRaceTest: replay with -Dseed=" + seed);
    try (SimulatedFabric fabric = new SimulatedFabric(seed);
        Mapped memory = Mapped.of(4096);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      SimulatedVerbs verbs = fabric.process("a", List.of("sim0"));
      for (int round = 0; round < ROUNDS; round++) {
        Context context = Context.open(verbs, "sim0");
        ProtectionDomain domain = context.allocateProtectionDomain();
        CompletionChannel channel = context.createCompletionChannel();
        CompletionQueue queue = context.createCompletionQueue(64, channel, 0);
        List<Future<?>> running = new ArrayList<>();
        for (int thread = 0; thread < THREADS; thread++) {
          Random random = new Random(seed + round * 31L + thread);
          running.add(
              threads.submit(
                  () -> {
                    for (int i = 0; i < STEPS; i++) {
                      step(random, context, domain, channel, queue, memory);
                    }
                  }));
        }
        for (Future<?> each : running) {
          each.get();
        }
        context.close();
        assertThat(fabric.violations()).isEmpty();
        assertThat(fabric.openHandles()).isEmpty();
      }
    }
  }

  private static void step(
      Random random,
      Context context,
      ProtectionDomain domain,
      CompletionChannel channel,
      CompletionQueue queue,
      Mapped memory) {
    try {
      switch (random.nextInt(40)) {
        case 0 -> context.close();
        case 1 -> domain.close();
        case 2 -> channel.close();
        case 3 -> queue.close();
        case 4, 5, 6 -> context.takeAsyncEvent();
        case 7, 8, 9 -> channel.wakeUp();
        case 10, 11, 12 -> channel.await(1);
        case 13, 14, 15 -> context.queryPort(1);
        case 16, 17, 18, 19 -> context.createCompletionQueue(4, channel, 0);
        case 20, 21, 22, 23, 24 ->
            domain.register(memory.address(), memory.length(), Access.LOCAL_WRITE).close();
        case 25, 26, 27 -> domain.register(memory.address(), 8, Access.LOCAL_WRITE);
        default -> {
          QueuePair pair = domain.createQueuePair(queue, 4, 1, 1, 0);
          pair.toInit(1, 0, Access.LOCAL_WRITE);
          pair.state();
          if (random.nextBoolean()) {
            pair.close();
          }
        }
      }
    } catch (IllegalStateException closed) {
      assertThat(closed).hasMessageEndingWith(" is closed");
    }
  }
}
