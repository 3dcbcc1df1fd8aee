// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The engine as initiator, towards peers of version 1 that take several requests a connection. */
@Timeout(120)
class VersionOnePeerTest {
  private static final int MIB = 1 << 20;

  /** Two answers on one connection show that the peer takes several requests. */
  private static void learnThatItIsPersistent(TestEngine here, RawTarget target) {
    assertCompleted(
        here.submit(Operation.READ, target.name(), RawTargetTest.scattered(here, 4, 64)));
  }

  @Test
  void aWriteOfMoreBlocksThanALaneHasPlacesCompletes() throws Exception {
    try (RawTarget target = new RawTarget(1, MIB);
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1))) {
      learnThatItIsPersistent(here, target);
      for (int count : new int[] {254, 255, 256, 1022, 1023, 1024, 1025, 2048}) {
        assertCompleted(
            here.submit(Operation.WRITE, target.name(), RawTargetTest.scattered(here, count, 64)));
      }
    }
  }

  /** Small ones come through staging, large ones are aimed: both have to be told from none. */
  @ParameterizedTest
  @ValueSource(ints = {64, 32_768})
  void aPeerOfOneRequestAConnectionIsLearntByReads(int size) throws Exception {
    int reads = 20;
    try (RawTarget target = new RawTarget(1, 2 * MIB);
        TestEngine here = new TestEngine(2 * MIB, b -> b.tcpLanesPerPeer(1))) {
      target.behaving(RawTarget.Connection::serveOne);
      System.arraycopy(TestEngine.random(7, 2 * MIB), 0, target.memory(), 0, 2 * MIB);
      // All at once, so that the next is on its way when the connection ends behind the first.
      BlockColumns blocks = RawTargetTest.scattered(here, reads, size);
      assertCompleted(here.submit(Operation.READ, target.name(), blocks));
      assertSame(here, target, blocks, "reads of " + size);
      assertThat(here.count(Counter.CONNECTIONS_LOST)).isZero();
      assertThat(here.count(Counter.REQUESTS_SENT)).isLessThanOrEqualTo(reads + 1);
    }
  }

  @Test
  void scatteredBlocksOfAnyNumberCompleteInBothDirections() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("VersionOnePeerTest: replay with -Dseed=" + seed);
    Random random = new Random(seed);
    int size = 4 * MIB;
    try (RawTarget target = new RawTarget(1, size);
        TestEngine here = new TestEngine(size)) {
      learnThatItIsPersistent(here, target);
      for (int round = 0; round < 100; round++) {
        BlockColumns blocks = blocks(random, here.address(), size);
        target.requests.clear();
        String what = "round %d of seed %d: %d blocks".formatted(round, seed, blocks.count());
        here.put(0, TestEngine.random(random.nextLong(), size));
        assertThat(TestEngine.end(here.submit(Operation.WRITE, target.name(), blocks)).name())
            .as("%s, write", what)
            .isEqualTo("COMPLETED");
        assertSame(here, target, blocks, what);
        here.put(0, TestEngine.random(random.nextLong(), size));
        assertThat(TestEngine.end(here.submit(Operation.READ, target.name(), blocks)).name())
            .as("%s, read", what)
            .isEqualTo("COMPLETED");
        assertSame(here, target, blocks, what);
      }
    }
  }

  /** 10 to 2,000 blocks, a few of them large enough to go by themselves; no two are adjacent. */
  private static BlockColumns blocks(Random random, long local, int size) {
    int count = 10 + random.nextInt(1991);
    int stride = size / count;
    int longest = random.nextInt(4) == 0 ? stride - 1 : Math.min(stride - 1, 1000);
    long[] locals = new long[count];
    long[] remotes = new long[count];
    long[] lengths = new long[count];
    for (int i = 0; i < count; i++) {
      locals[i] = local + (long) i * stride;
      remotes[i] = RawTarget.BASE + (long) (count - 1 - i) * stride;
      lengths[i] = 1L + random.nextInt(longest);
    }
    return BlockColumns.of(locals, remotes, lengths);
  }

  private static void assertSame(
      TestEngine here, RawTarget target, BlockColumns blocks, String what) {
    for (int i = 0; i < blocks.count(); i++) {
      int there = (int) (blocks.remote(i) - RawTarget.BASE);
      int length = (int) blocks.length(i);
      assertThat(here.bytes(blocks.local(i) - here.address(), length))
          .as("%s, block %d", what, i)
          .isEqualTo(Arrays.copyOfRange(target.memory(), there, there + length));
    }
  }
}
