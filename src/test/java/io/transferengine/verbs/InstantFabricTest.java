// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.AllocatedBytes;
import io.transferengine.testkit.Mapped;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is posted is complete at once, and neither we nor the simulator allocate for it. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class InstantFabricTest {
  private static final int ROUNDS = 2000;
  private static final int CHAIN = 16;

  @Test
  void postingAndPollingAllocateNothing() {
    try (SimulatedFabric fabric = SimulatedFabric.instant();
        Mapped memory = Mapped.of(4096);
        TestEndpoint one = new TestEndpoint(fabric.process("a", List.of("sim0")), "sim0");
        TestEndpoint other = new TestEndpoint(fabric.process("b", List.of("sim0")), "sim0")) {
      TestEndpoint.connect(one, other);
      MemoryRegion region = one.register(memory);
      assertThat(run(one, region)).isEqualTo(ROUNDS);
      long before = AllocatedBytes.ofThisThread();
      int ended = run(one, region);
      long allocated = AllocatedBytes.ofThisThread() - before;
      assertThat(ended).isEqualTo(ROUNDS);
      // Asking for the figure allocates a little itself; one object per round would be 32,000.
      assertThat(allocated).isLessThan(ROUNDS);
      assertThat(fabric.violations()).isEmpty();
    }
  }

  private static int run(TestEndpoint one, MemoryRegion region) {
    int ended = 0;
    for (int round = 0; round < ROUNDS; round++) {
      for (int i = 0; i < CHAIN; i++) {
        one.ring.set(
            i,
            i,
            true,
            i == CHAIN - 1,
            region.address(),
            64,
            region.localKey(),
            region.address(),
            region.remoteKey());
        one.ring.add(i, region.address() + 128, 64, region.localKey());
      }
      if (one.pair.post(one.ring, CHAIN) != CHAIN) {
        return -1;
      }
      ended += one.queue.poll(one.completions);
    }
    return ended;
  }
}
