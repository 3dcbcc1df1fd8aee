// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LiveTransfersTest {
  private static final long ADDRESS = 0x1000;
  private static final int LIMIT = 1000;

  private final Region region = new RegionTable().register(ADDRESS, 4096, "*");
  private final LiveTransfers live = new LiveTransfers(LIMIT);
  private final TransferHandle.Owner owner =
      new EndOwner() {
        @Override
        public void ended(
            TransferHandle handle, TransferState state, @Nullable FailureCause cause) {}
      };

  private TransferHandle transfer() {
    assertThat(region.acquire()).isTrue();
    return new TransferHandle(
        owner,
        TransferRequest.of(Operation.READ, "peer", BlockColumns.of(ADDRESS, ADDRESS, 16)),
        region,
        Long.MAX_VALUE / 2,
        null,
        null);
  }

  private List<TransferHandle> entered(int count) {
    List<TransferHandle> all = IntStream.range(0, count).mapToObj(_ -> transfer()).toList();
    all.forEach(each -> assertThat(live.add(each)).isTrue());
    return all;
  }

  @Test
  void whatWasEnteredIsThereUntilItIsTakenOutOnce() {
    assertThat(live.isEmpty()).isTrue();
    TransferHandle never = transfer();
    assertThat(live.remove(never)).isFalse();
    List<TransferHandle> all = entered(100);
    assertThat(live).containsExactlyInAnyOrderElementsOf(all);
    assertThat(live.isEmpty()).isFalse();
    for (int i = 0; i < all.size(); i++) {
      assertThat(live.remove(all.get(i))).isTrue();
      assertThat(live.remove(all.get(i))).isFalse();
      assertThat(live).containsExactlyInAnyOrderElementsOf(all.subList(i + 1, all.size()));
    }
    assertThat(live.isEmpty()).isTrue();
  }

  @Test
  void noMoreThanTheLimitAreEntered() {
    List<TransferHandle> all = entered(LIMIT);
    TransferHandle more = transfer();
    assertThat(live.add(more)).isFalse();
    assertThat(live).doesNotContain(more);
    assertThat(live.remove(more)).isFalse();
    assertThat(live.remove(all.getFirst())).isTrue();
    assertThat(live.add(more)).isTrue();
  }

  @Test
  void whoIteratesSeesAllThatAreThereAllTheTime() {
    Random random = new Random(7);
    for (int round = 0; round < 2000; round++) {
      List<TransferHandle> all = new ArrayList<>(entered(1 + random.nextInt(20)));
      List<TransferHandle> seen = new ArrayList<>();
      List<TransferHandle> gone = new ArrayList<>();
      Iterator<TransferHandle> steps = live.iterator();
      while (steps.hasNext()) {
        seen.add(steps.next());
        if (!all.isEmpty() && random.nextBoolean()) {
          TransferHandle one = all.remove(random.nextInt(all.size()));
          assertThat(live.remove(one)).isTrue();
          gone.add(one);
        }
        if (random.nextInt(4) == 0) {
          gone.addAll(entered(1));
        }
      }
      assertThat(seen).containsAll(all);
      all.forEach(live::remove);
      gone.forEach(live::remove);
      assertThat(live.isEmpty()).isTrue();
    }
  }

  @Test
  void threadsThatComeAndGoDoNotDisturbEachOther() throws Exception {
    int threads = 40; // more than there are parts
    int each = 20;
    List<TransferHandle> staying = entered(100);
    CountDownLatch over = new CountDownLatch(threads);
    try (ExecutorService runners = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> done = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        List<TransferHandle> mine = IntStream.range(0, each).mapToObj(_ -> transfer()).toList();
        done.add(
            runners.submit(
                () -> {
                  try {
                    for (int round = 0; round < 500; round++) {
                      mine.forEach(one -> assertThat(live.add(one)).isTrue());
                      mine.forEach(one -> assertThat(live.remove(one)).isTrue());
                    }
                  } finally {
                    over.countDown();
                  }
                }));
      }
      while (over.getCount() > 0) {
        Set<TransferHandle> seen = new HashSet<>();
        live.forEach(seen::add);
        assertThat(seen).containsAll(staying);
      }
      for (Future<?> one : done) {
        one.get();
      }
    }
    assertThat(live).containsExactlyInAnyOrderElementsOf(staying);
  }
}
