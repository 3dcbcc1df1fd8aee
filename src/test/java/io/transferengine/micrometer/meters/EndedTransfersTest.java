// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is put into the ring comes out once, whole. */
@Timeout(60)
class EndedTransfersTest {
  private record Taken(int kind, int blocks, long nanos, long bytes) {}

  private final EndedTransfers ring = new EndedTransfers(4);

  private List<Taken> takeAll() {
    List<Taken> taken = new ArrayList<>();
    ring.takeAll((kind, blocks, nanos, bytes) -> taken.add(new Taken(kind, blocks, nanos, bytes)));
    return taken;
  }

  @Test
  void whatIsPutThereComesOutOnce() {
    assertThat(ring.isEmpty()).isTrue();
    assertThat(ring.put(3, Integer.MAX_VALUE, Long.MAX_VALUE, 1L << 60)).isEqualTo(1);
    assertThat(ring.put(0, 0, 0, 0)).isEqualTo(2);
    assertThat(ring.isEmpty()).isFalse();
    assertThat(takeAll())
        .containsExactly(
            new Taken(3, Integer.MAX_VALUE, Long.MAX_VALUE, 1L << 60), new Taken(0, 0, 0, 0));
    assertThat(ring.isEmpty()).isTrue();
    assertThat(takeAll()).isEmpty();
  }

  @Test
  void thereIsRoomAgainWhenTheyAreTaken() {
    for (int round = 0; round < 1000; round++) {
      for (int i = 1; i <= 4; i++) {
        assertThat(ring.put(i, round, i, i)).isEqualTo(i);
      }
      assertThat(ring.put(5, round, 5, 5)).isZero();
      int of = round;
      assertThat(takeAll()).hasSize(4).allMatch(each -> each.blocks == of);
    }
  }

  /** A registry's own code may end up here. */
  @Test
  void whoTakesOneMayTakeTheRest() {
    List<Integer> taken = new ArrayList<>();
    for (int i = 1; i <= 4; i++) {
      ring.put(i, 0, 0, 0);
    }
    ring.takeAll(
        (kind, _, _, _) -> {
          taken.add(kind);
          ring.takeAll((inner, _, _, _) -> taken.add(inner));
          if (kind == 1) {
            ring.put(5, 0, 0, 0); // In the place of one that was taken there.
          }
        });
    ring.takeAll((kind, _, _, _) -> taken.add(kind));
    assertThat(taken).containsExactly(1, 2, 3, 4, 5);
  }

  @Test
  void noneIsLostOrTakenTwiceAmongManyThreads() throws Exception {
    int threads = 4;
    int each = 200_000;
    AtomicIntegerArray times = new AtomicIntegerArray(threads * each);
    EndedTransfers.Taker count =
        (kind, blocks, nanos, bytes) -> {
          // Of one transfer, all three.
          if (nanos == 3L * blocks && bytes == 5L * blocks + kind) {
            times.incrementAndGet(blocks);
          }
        };
    AtomicBoolean isOver = new AtomicBoolean();
    try (ExecutorService executor = Executors.newCachedThreadPool()) {
      List<Future<?>> putting = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        int first = t * each;
        int kind = t;
        putting.add(
            executor.submit(
                () -> {
                  for (int i = first; i < first + each; i++) {
                    if (ring.put(kind, i, 3L * i, 5L * i + kind) == 0) {
                      times.incrementAndGet(i);
                    }
                  }
                }));
      }
      for (int t = 0; t < 2; t++) {
        executor.execute(
            () -> {
              while (!isOver.get()) {
                ring.takeAll(count);
              }
            });
      }
      try {
        for (Future<?> one : putting) {
          one.get();
        }
      } finally {
        isOver.set(true);
      }
    }
    ring.takeAll(count);
    assertThat(ring.isEmpty()).isTrue();
    for (int i = 0; i < times.length(); i++) {
      assertThat(times.get(i)).as("transfer %d", i).isOne();
    }
  }
}
