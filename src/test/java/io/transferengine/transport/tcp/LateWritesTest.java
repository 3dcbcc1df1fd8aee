// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.TransferTask;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Which connection a newer write may go out on, and how often its blocks are looked at for that.
 */
@Timeout(60)
class LateWritesTest {
  private static final int RINGS = 3;
  private static final int PLACES = 64;

  private record Late(RequestRing ring, long position, long from, long to) {}

  private static RequestRing ring() {
    return new RequestRing(PLACES, 1 << 20);
  }

  private static TransferTask task(Operation operation, long[] remote, long length) {
    long[] local = new long[remote.length];
    Arrays.fill(local, 1);
    long[] lengths = new long[remote.length];
    Arrays.fill(lengths, length);
    BlockColumns blocks = BlockColumns.of(local, remote, lengths);
    SeamFinder none = new SeamFinder(new long[0], new long[0]);
    return new TransferTask(operation, blocks, none, none, (_, _, _) -> {});
  }

  /** To look at all blocks for each claim would take hours here. */
  @Test
  void aLateWriteHasAWholeBatchLookedAtOnceAndNotForEachClaim() {
    int count = BlockColumns.COUNT_LIMIT;
    long[] remote = new long[count];
    for (int i = 0; i < count; i++) {
      remote[i] = 1000L * (count - i);
    }
    RequestRing here = ring();
    RequestRing elsewhere = ring();
    LateWrites late = new LateWrites();
    TransferTask held = task(Operation.WRITE, remote, 100);
    // The last that is looked at.
    late.add(here, 7, 1050, 10);
    late.add(here, 8, 500, 10);
    claims(late, held, here, elsewhere, count);
    // One that is not in the way, and then none is.
    late.arrived(here, 8);
    claims(late, held, here, elsewhere, count);
    late.add(elsewhere, 1, 550, 10);
    late.arrived(here, 7);
    assertThat(late.mayClaim(here, held)).isTrue();
    assertThat(late.mayClaim(elsewhere, held)).isTrue();
    for (int i = 0; i < count; i++) {
      assertThat(late.mayClaim(i % 2 == 0 ? here : elsewhere, held) && !stopped()).isTrue();
    }
  }

  private static void claims(
      LateWrites late, TransferTask held, RequestRing here, RequestRing elsewhere, int count) {
    for (int i = 0; i < count; i++) {
      if (!late.mayClaim(here, held) || late.mayClaim(elsewhere, held) || stopped()) {
        throw new AssertionError("wrong, or stopped by the time limit, at claim " + i);
      }
    }
  }

  /** The time limit interrupts. */
  private static boolean stopped() {
    return Thread.currentThread().isInterrupted();
  }

  @Test
  void theAnswerIsThatOfLookingAtEverythingAnew() {
    long seed = Long.getLong("seed", System.nanoTime());
    Random random = new Random(seed);
    List<RequestRing> rings = new ArrayList<>();
    for (int i = 0; i < RINGS; i++) {
      rings.add(ring());
    }
    LateWrites late = new LateWrites();
    List<Late> known = new ArrayList<>();
    List<TransferTask> tasks = new ArrayList<>();
    long next = 0;
    for (int step = 0; step < 20_000; step++) {
      RequestRing ring = rings.get(random.nextInt(RINGS));
      switch (random.nextInt(12)) {
        case 0 -> {
          long from = 1L + random.nextInt(400);
          long length = 1L + random.nextInt(20);
          late.add(ring, next, from, length);
          known.add(new Late(ring, next, from, from + length));
          next++;
        }
        case 1, 2 -> {
          Late one = known.isEmpty() ? null : known.remove(random.nextInt(known.size()));
          if (one != null) {
            late.arrived(one.ring, one.position);
          }
        }
        case 3 -> {
          if (random.nextInt(20) == 0) {
            late.gone(ring);
            known.removeIf(one -> one.ring == ring);
          }
        }
        case 4 -> {
          long[] remote = random.longs(1 + random.nextInt(4), 1, 400).toArray();
          Operation operation = random.nextInt(4) == 0 ? Operation.READ : Operation.WRITE;
          tasks.add(task(operation, remote, 1 + random.nextInt(10)));
          if (tasks.size() > 10) {
            tasks.removeFirst();
          }
        }
        default -> {
          if (!tasks.isEmpty()) {
            TransferTask task = tasks.get(random.nextInt(tasks.size()));
            assertThat(late.mayClaim(ring, task))
                .as("seed %d, step %d", seed, step)
                .isEqualTo(expected(known, ring, task));
          }
        }
      }
      assertThat(late.isEmpty()).as("seed %d", seed).isEqualTo(known.isEmpty());
    }
  }

  private static boolean expected(List<Late> known, RequestRing ring, TransferTask task) {
    if (task.operation() == Operation.READ) {
      return true;
    }
    boolean overlaps =
        task.anyRemote((from, to) -> known.stream().anyMatch(l -> l.from < to && l.to > from));
    return !overlaps || known.stream().allMatch(late -> late.ring == ring);
  }
}
