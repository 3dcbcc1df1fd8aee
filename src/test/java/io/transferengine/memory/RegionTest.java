// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.access.AccessRights;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RegionTest {
  private static final Duration LONG = Duration.ofSeconds(30);

  private static Region region() {
    return new Region(0x1000, 0x2000, "cpu:0", MemoryKind.host(), AccessRights.READ_WRITE, 7);
  }

  @Test
  void knowsItsRange() {
    Region region = region();
    assertThat(region.address()).isEqualTo(0x1000);
    assertThat(region.length()).isEqualTo(0x2000);
    assertThat(region.end()).isEqualTo(0x3000);
    assertThat(region.location()).isEqualTo("cpu:0");
    assertThat(region.kind()).isSameAs(MemoryKind.host());
    assertThat(region.isTouchable()).isTrue();
    assertThat(region.owner()).isEqualTo(Region.Owner.APPLICATION);
    assertThat(region.sequence()).isEqualTo(7);
    assertThat(region.acquire()).isTrue();
    assertThat(region).asString().contains("0x1000", "0x3000", "cpu:0", "1 in flight");
    region.refuse();
    assertThat(region).asString().contains("refused");
  }

  @Test
  void coversWhatIsWhollyInsideOnly() {
    Region region = region();
    assertThat(region.covers(0x1000, 0x2000)).isTrue();
    assertThat(region.covers(0x1000, 1)).isTrue();
    assertThat(region.covers(0x2fff, 1)).isTrue();
    assertThat(region.covers(0x2fff, 2)).isFalse();
    assertThat(region.covers(0xfff, 1)).isFalse();
    assertThat(region.covers(0xfff, 0x2000)).isFalse();
    assertThat(region.covers(0x3000, 1)).isFalse();
    assertThat(region.covers(0x1000, 0x2001)).isFalse();
    assertThat(region.covers(0x1000, 0)).isFalse();
    assertThat(region.covers(0x1000, -1)).isFalse();
    assertThat(region.covers(0x1000, Long.MIN_VALUE)).isFalse();
    assertThat(region.covers(0x2000, Long.MAX_VALUE)).isFalse();
    assertThat(region.covers(-1, 1)).isFalse();
    assertThat(region.covers(-1, Long.MAX_VALUE)).isFalse();
    assertThat(region.covers(Long.MIN_VALUE, 0x2000)).isFalse();
  }

  @Test
  void coversUpToTheEndOfTheAddressSpace() {
    Region last =
        new Region(Long.MAX_VALUE - 10, 10, "*", MemoryKind.host(), AccessRights.READ_WRITE, 0);
    assertThat(last.covers(Long.MAX_VALUE - 10, 10)).isTrue();
    assertThat(last.covers(Long.MAX_VALUE - 10, 11)).isFalse();
    assertThat(last.covers(Long.MAX_VALUE - 1, 1)).isTrue();
    assertThat(last.covers(Long.MAX_VALUE - 1, 2)).isFalse();
  }

  @Test
  void countsUsesAndRefusesNewOnes() throws InterruptedException {
    Region region = region();
    assertThat(region.acquire()).isTrue();
    assertThat(region.acquire()).isTrue();
    assertThat(region.inFlight()).isEqualTo(2);

    assertThat(region.refuse()).isTrue();
    assertThat(region.refuse()).isFalse();
    assertThat(region.isRefused()).isTrue();
    assertThat(region.acquire()).isFalse();
    assertThat(region.inFlight()).isEqualTo(2);
    assertThat(region.awaitIdle(Duration.ZERO)).isFalse();
    assertThat(region.awaitIdle(Duration.ofSeconds(-1))).isFalse();
    assertThat(region.awaitIdle(Duration.ofSeconds(Long.MIN_VALUE))).isFalse();

    region.release();
    assertThat(region.awaitIdle(Duration.ofMillis(5))).isFalse();
    region.release();
    assertThat(region.awaitIdle(Duration.ZERO)).isTrue();
  }

  @Test
  void idleButNotRefusedIsNotEnough() throws InterruptedException {
    assertThat(region().awaitIdle(Duration.ofMillis(5))).isFalse();
  }

  @Test
  void releaseWithoutUseIsABug() {
    Region region = region();
    assertThatThrownBy(region::release)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("0x1000");
    region.refuse();
    assertThatThrownBy(region::release).isInstanceOf(IllegalStateException.class);
    assertThat(region.isRefused()).isTrue();
    assertThat(region.inFlight()).isZero();
  }

  @Test
  void lastReleaseWakesEveryWaiter() throws Exception {
    Region region = region();
    region.acquire();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Boolean>> waiters = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        waiters.add(threads.submit(() -> region.awaitIdle(Duration.ofSeconds(Long.MAX_VALUE))));
      }
      region.refuse();
      region.release();
      for (Future<Boolean> waiter : waiters) {
        assertThat(waiter.get(30, TimeUnit.SECONDS)).isTrue();
      }
    }
  }

  @Test
  void refusingAnIdleRegionWakesAWaiter() throws Exception {
    Region region = region();
    var isIdle = new AtomicBoolean();
    Thread waiter =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  try {
                    isIdle.set(region.awaitIdle(Duration.ofDays(1)));
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
    while (waiter.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    region.refuse();
    assertThat(waiter.join(LONG)).isTrue();
    assertThat(isIdle).isTrue();
  }

  @Test
  void interruptEndsTheWait() {
    Region region = region();
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> region.awaitIdle(LONG)).isInstanceOf(InterruptedException.class);
  }

  /** Whoever was let in finds the memory alive; whoever waited finds nobody inside. */
  @Test
  void nobodyIsInsideOnceTheWaitIsOver() throws Exception {
    for (int round = 0; round < 200; round++) {
      Region region = region();
      var isFreed = new AtomicBoolean();
      var usesAfterFree = new AtomicInteger();
      var started = new CountDownLatch(4);
      try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
        for (int i = 0; i < 4; i++) {
          threads.execute(
              () -> {
                started.countDown();
                while (region.acquire()) {
                  if (isFreed.get()) {
                    usesAfterFree.incrementAndGet();
                  }
                  region.release();
                }
              });
        }
        started.await();
        region.refuse();
        assertThat(region.awaitIdle(LONG)).isTrue();
        isFreed.set(true);
      }
      assertThat(usesAfterFree).hasValue(0);
      assertThat(region.inFlight()).isZero();
    }
  }

  @Test
  void exactlyOneOfManyRefusersWins() throws Exception {
    Region region = region();
    var winners = new AtomicInteger();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (int i = 0; i < 64; i++) {
        threads.execute(
            () -> {
              if (region.refuse()) {
                winners.incrementAndGet();
              }
            });
      }
    }
    assertThat(winners).hasValue(1);
  }
}
