// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.TransferState;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;

class FirstLookTest {
  private static final long REST = TimeUnit.MILLISECONDS.toNanos(100);

  /** Has not come. */
  private static final class Ended extends AwaitedEnd {
    Ended() {
      super(null);
    }

    @Override
    void complete(CompletableFuture<Void> told) {}

    @Override
    void completeLater(CompletableFuture<Void> told) {}
  }

  /** Later with each look, by a nanosecond or by what it is told; near where a long overflows. */
  private static final class Clock implements LongSupplier {
    long now = Long.MAX_VALUE - 10;
    long step = 1;
    int looks;
    Runnable then = () -> {};

    @Override
    public long getAsLong() {
      now += step;
      looks++;
      then.run();
      return now;
    }
  }

  private final Clock clock = new Clock();
  private final FirstLook look = new FirstLook(1, 2, clock);

  /** {@return how often a wait of any length looked} */
  private int looks(FirstLook at, AwaitedEnd end) {
    return looks(at, end, Long.MAX_VALUE / 2);
  }

  private int looks(FirstLook at, AwaitedEnd end, long atMostNanos) {
    int before = clock.looks;
    at.at(end, clock.now + 1 + atMostNanos);
    // The first reading is of the time at the beginning.
    return Math.max(0, clock.looks - before - 1);
  }

  /** {@return an end that comes so many looks from now} */
  private Ended after(int looks) {
    Ended end = new Ended();
    int at = clock.looks + 1 + looks;
    clock.then =
        () -> {
          if (clock.looks == at) {
            end.reveal(TransferState.COMPLETED);
          }
        };
    return end;
  }

  private boolean sleepsAtOnce() {
    return looks(look, new Ended()) == 0;
  }

  private void isAwayFor(long nanos) {
    int begun = clock.looks;
    clock.then = () -> clock.step = clock.looks == begun + 1 ? nanos : 1;
    assertThat(looks(look, new Ended())).as("it stops at the first one").isEqualTo(1);
    clock.then = () -> {};
  }

  @Test
  void itReturnsWhenTheEndHasCome() {
    assertThat(looks(look, after(7))).isEqualTo(7);
  }

  @Test
  void itReturnsWhenTheMomentIsOver() {
    assertThat(looks(look, new Ended())).isEqualTo(1_000);
  }

  @Test
  void itTakesNoLongerThanTheWaitMay() {
    assertThat(looks(look, new Ended(), 5)).isEqualTo(5);
    assertThat(looks(new FirstLook(1, 2, clock), new Ended(), 0)).isZero();
    assertThat(looks(new FirstLook(1, 2, clock), new Ended(), -1)).isZero();
  }

  /** Whoever polls with short waits says nothing of how long transfers take. */
  @Test
  void aShortWaitIsNotOneInVain() {
    assertThat(looks(look, new Ended(), 5)).isEqualTo(5);
    assertThat(looks(look, new Ended())).isEqualTo(1_000);
  }

  @Test
  void anInterruptEndsIt() {
    clock.then = () -> Thread.currentThread().interrupt();
    assertThat(looks(look, new Ended())).isZero();
    assertThat(Thread.interrupted()).as("it is kept for who waits").isTrue();
    clock.then = () -> {};
    assertThat(looks(look, new Ended())).as("it was not in vain").isEqualTo(1_000);
  }

  @Test
  void zeroIsNever() {
    assertThat(looks(new FirstLook(0, 2, clock), new Ended())).isZero();
  }

  @Test
  void whatIsUsualIsAFifthOfAMillisecond() {
    assertThat(looks(new FirstLook(-1, 2, clock), new Ended())).isEqualTo(200_000);
  }

  /** Whoever is waited for could not run. */
  @Test
  void withOneProcessorItSleeps() {
    assertThat(looks(new FirstLook(1, 1, clock), new Ended())).isZero();
    assertThat(looks(new FirstLook(-1, 1, clock), new Ended())).isZero();
  }

  @Test
  void halfOfTheProcessorsLook() {
    assertThat(withAnother(look)).isZero();
    assertThat(withAnother(new FirstLook(1, 3, clock))).isZero();
    assertThat(withAnother(new FirstLook(1, 4, clock))).isEqualTo(1_000);
  }

  /** {@return how often another one looks while one does} */
  private int withAnother(FirstLook at) {
    int[] looked = new int[1];
    int begun = clock.looks;
    Ended first = new Ended();
    clock.then =
        () -> {
          if (clock.looks == begun + 1) {
            return;
          }
          clock.then = () -> {};
          looked[0] = looks(at, new Ended());
          first.reveal(TransferState.COMPLETED);
        };
    assertThat(looks(at, first)).isPositive();
    return looked[0];
  }

  @Test
  void whoeverLookedGivesItsPlaceBack() {
    for (int k = 0; k < 10; k++) {
      assertThat(looks(look, after(3))).isEqualTo(3);
    }
  }

  @Test
  void afterLooksInVainItSleepsMoreAndMoreOften() {
    for (int slept = 1; slept < 10_000; slept = slept * 2 + 1) {
      assertThat(looks(look, new Ended())).isEqualTo(1_000);
      for (int k = 0; k < Math.min(slept, 1_023); k++) {
        assertThat(sleepsAtOnce()).isTrue();
      }
    }
    assertThat(looks(look, after(2))).as("one that pays").isEqualTo(2);
    assertThat(looks(look, new Ended())).as("no wait is skipped behind it").isEqualTo(1_000);
    for (int k = 0; k < 1_023; k++) {
      assertThat(sleepsAtOnce()).isTrue();
    }
    for (int k = 0; k < 10; k++) {
      assertThat(looks(look, after(2))).isEqualTo(2);
    }
    assertThat(looks(look, new Ended())).isEqualTo(1_000);
    assertThat(sleepsAtOnce()).isTrue();
    assertThat(sleepsAtOnce()).as("each one that paid has halved it").isFalse();
  }

  /** {@return whether a wait that begins then sleeps at once} */
  private boolean sleepsAt(long nanos) {
    clock.now = nanos - 1;
    return sleepsAtOnce();
  }

  @Test
  void itRestsWhereOthersHadTheProcessor() {
    isAwayFor(500_000);
    assertThat(sleepsAtOnce()).isTrue();
    clock.now--;
    rest(REST);
    assertThat(sleepsAtOnce()).isFalse();
  }

  @Test
  void aPartnersTurnIsNoCauseToRest() {
    clock.step = 499_999;
    assertThat(looks(new FirstLook(10_000, 2, clock), new Ended(), Long.MAX_VALUE / 2))
        .isEqualTo(21);
  }

  /** A few looks that pay in between change nothing: one may be lost for hundreds of them. */
  @Test
  void restsGrowWhileLooksHardlyPay() {
    long rest = REST;
    for (int k = 0; k < 12; k++) {
      isAwayFor(TimeUnit.MILLISECONDS.toNanos(4));
      rest(rest);
      for (int paid = 0; paid < 20; paid++) {
        assertThat(looks(look, after(2))).isEqualTo(2);
      }
      rest = Math.min(rest * 2, TimeUnit.SECONDS.toNanos(10));
    }
    for (int paid = 0; paid < 100; paid++) {
      assertThat(looks(look, after(2))).isEqualTo(2);
    }
    isAwayFor(TimeUnit.MILLISECONDS.toNanos(4));
    rest(REST);
  }

  /** What others take now and then is less than what hundreds of looks have saved. */
  @Test
  void whatLooksHaveSavedMayBeLost() {
    for (int paid = 0; paid < 300; paid++) {
      assertThat(looks(look, after(2))).isEqualTo(2);
    }
    isAwayFor(TimeUnit.MILLISECONDS.toNanos(3));
    assertThat(looks(look, after(2))).as("no rest").isEqualTo(2);
    isAwayFor(TimeUnit.MILLISECONDS.toNanos(1));
    rest(REST);
  }

  @Test
  void whatWasSavedLongAgoCountsAHundredthOfASecondAtMost() {
    for (int paid = 0; paid < 10_000; paid++) {
      assertThat(looks(look, after(2))).isEqualTo(2);
    }
    isAwayFor(TimeUnit.MILLISECONDS.toNanos(11));
    rest(REST);
  }

  /** It begins a rest of this length, and is behind it then. */
  private void rest(long nanos) {
    long end = clock.now + nanos;
    assertThat(sleepsAt(end - 1)).isTrue();
    clock.now = end;
  }

  /** A pause of the collector, say. */
  @Test
  void aPauseOfAllWhoLookCountsOnce() {
    FirstLook of16 = new FirstLook(1_000, 32, clock);
    together(of16, 16, TimeUnit.MILLISECONDS.toNanos(1));
    clock.now += REST;
    assertThat(looks(of16, after(2))).isEqualTo(2);
  }

  @Test
  void whatAllWhoLookDoInVainCountsOnce() {
    FirstLook of16 = new FirstLook(100, 32, clock);
    together(of16, 16, 100_000);
    assertThat(looks(of16, new Ended())).isZero();
    assertThat(looks(of16, after(2))).as("one wait was slept through").isEqualTo(2);
  }

  /** So many look when this much time passes. */
  private void together(FirstLook at, int lookers, long nanos) {
    int begun = clock.looks;
    clock.then =
        () -> {
          if (clock.looks > begun + 1) {
            clock.then = () -> {};
            if (lookers > 1) {
              together(at, lookers - 1, nanos);
            } else {
              clock.now += nanos;
            }
          }
        };
    at.at(new Ended(), clock.now + Long.MAX_VALUE / 2);
  }

  @Test
  void aVirtualThreadSleepsAtOnce() throws InterruptedException {
    int[] looked = {-1};
    Thread.ofVirtual().start(() -> looked[0] = looks(look, new Ended())).join();
    assertThat(looked[0]).isZero();
  }

  /** No memory, say. */
  @Test
  void whatThrowsMeanwhileTakesNoPlace() {
    int begun = clock.looks;
    clock.then =
        () -> {
          if (clock.looks > begun + 1) {
            clock.then = () -> {};
            throw new OutOfMemoryError("test");
          }
        };
    try {
      assertThat(looks(look, new Ended())).as("it should have thrown").isNegative();
    } catch (OutOfMemoryError expected) {
      assertThat(looks(look, after(2))).isEqualTo(2);
    }
    assertThat(looks(look, after(2))).isEqualTo(2);
  }
}
