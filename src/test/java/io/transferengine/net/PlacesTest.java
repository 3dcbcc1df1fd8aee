// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who gets a place, and whose. */
@Timeout(60)
class PlacesTest {
  private static final InetAddress ONE = InetAddress.ofLiteral("127.0.0.1");
  private static final InetAddress TWO = InetAddress.ofLiteral("127.0.0.2");

  private final List<Place> evicted = new ArrayList<>();

  @Test
  void theLongestIdleMakesRoomAndABusyOneNever() {
    Places places = new Places(3, 3, 0, 0);
    Place busy = enter(places, ONE);
    Place second = enter(places, ONE);
    Place third = enter(places, TWO);
    assertThat(busy.begin()).isTrue();
    // The second has been at rest for less long than the third.
    assertThat(second.begin()).isTrue();
    second.rest();
    enter(places, TWO);
    assertThat(evicted).containsExactly(third);
    assertThat(third.begin()).isFalse();
    enter(places, TWO).begin();
    // The newcomer of before had rested for less long than the second.
    assertThat(evicted).containsExactly(third, second);
    assertThat(busy.isGivenAway()).isFalse();
  }

  /** Not all are looked at. */
  @Test
  void theLongestIdleIsFoundAmongMany() {
    Random random = new Random(1);
    int limit = 50;
    Places places = new Places(limit, limit, 0, 0);
    List<Place> all = new ArrayList<>();
    for (int i = 0; i < 5000; i++) {
      if (all.size() == limit) {
        for (Place place : all) {
          switch (random.nextInt(20)) {
            case 0 -> assertThat(place.begin()).isTrue();
            case 1 -> place.rest();
            default -> {}
          }
        }
        // One at least is not busy.
        all.get(random.nextInt(limit)).rest();
      }
      long now = System.nanoTime();
      Optional<Place> longest =
          all.stream()
              .filter(place -> place.isIdle(now, 0, 0))
              .max(Comparator.comparingLong(place -> place.idleNanos(now)));
      Place newcomer = new Place(random.nextBoolean() ? ONE : TWO, () -> {});
      boolean full = all.size() == limit;
      Optional<Place> evictedNow = places.enter(newcomer).evicted();
      assertThat(evictedNow.map(place -> place.idleNanos(now)))
          .as("newcomer %d", i)
          .isEqualTo(full ? longest.map(place -> place.idleNanos(now)) : Optional.empty());
      evictedNow.ifPresent(all::remove);
      all.add(newcomer);
    }
  }

  @Test
  void whenAllAreBusyTheNewcomerIsRefused() {
    Places places = new Places(2, 2, 0, 0);
    enter(places, ONE).begin();
    Place last = enter(places, ONE);
    last.begin();
    Places.Entry refused = places.enter(new Place(TWO, () -> {}));
    assertThat(refused.admitted()).isFalse();
    assertThat(refused.full()).contains("2 connections are open");
    places.leave(last);
    places.leave(last);
    assertThat(places.enter(new Place(TWO, () -> {})).admitted()).isTrue();
    assertThat(places.enter(new Place(TWO, () -> {})).evicted()).isPresent();
  }

  @Test
  void oneAddressGetsItsShareAndEvictsOnlyItsOwn() {
    Places places = new Places(4, 0, 0, 0);
    Place other = enter(places, ONE);
    Place first = enter(places, TWO);
    Place second = enter(places, TWO);
    enter(places, TWO);
    assertThat(evicted).containsExactly(first);
    second.begin();
    enter(places, TWO).begin();
    assertThat(evicted).hasSize(2).doesNotContain(other, second);
    // Both are busy: it gets no third one, though there is room.
    assertThat(places.enter(new Place(TWO, () -> {})).admitted()).isFalse();
    assertThat(places.enter(new Place(ONE, () -> {})).evicted()).isEmpty();
  }

  @Test
  void whoWasJustServedKeepsItsPlaceForAWhile() {
    Places places = new Places(1, 1, 0, TimeUnit.HOURS.toNanos(1));
    Place served = enter(places, ONE);
    served.begin();
    served.rest();
    assertThat(places.enter(new Place(TWO, () -> {})).admitted()).isFalse();
  }

  @Test
  void aNewcomerHasTimeForItsFirstRequest() {
    Places places = new Places(1, 1, TimeUnit.HOURS.toNanos(1), 0);
    Place served = enter(places, ONE);
    assertThat(places.enter(new Place(TWO, () -> {})).admitted()).isFalse();
    served.begin();
    served.rest();
    assertThat(places.enter(new Place(TWO, () -> {})).evicted()).contains(served);
  }

  @Test
  void aPlaceIsEitherBegunOrGivenAway() throws InterruptedException {
    for (int i = 0; i < 1000; i++) {
      Places places = new Places(1, 1, 0, 0);
      Place place = enter(places, ONE);
      CountDownLatch together = new CountDownLatch(2);
      AtomicBoolean begun = new AtomicBoolean();
      Thread owner =
          Thread.ofVirtual()
              .start(
                  () -> {
                    meet(together);
                    begun.set(place.begin());
                  });
      meet(together);
      Places.Entry entry = places.enter(new Place(TWO, () -> {}));
      owner.join();
      assertThat(entry.admitted()).isNotEqualTo(begun.get());
    }
  }

  /** A map that finds no memory for an address that it does not know. */
  private static final class Scarce extends HashMap<InetAddress, Set<Place>> {
    private static final long serialVersionUID = 1;
    private boolean isFull;
    private boolean isTaken;

    @Override
    public Set<Place> computeIfAbsent(
        InetAddress address, Function<? super InetAddress, ? extends Set<Place>> maker) {
      if (isFull && !containsKey(address)) {
        throw new OutOfMemoryError("meant to be thrown");
      }
      return super.computeIfAbsent(address, _ -> new ScarceSet(this));
    }
  }

  /** A set puts it in and grows then, for which there may be no memory. */
  private static final class ScarceSet extends LinkedHashSet<Place> {
    private static final long serialVersionUID = 1;
    private final transient Scarce scarce;

    ScarceSet(Scarce scarce) {
      this.scarce = scarce;
    }

    @Override
    public boolean add(Place place) {
      boolean added = super.add(place);
      if (scarce.isTaken) {
        throw new OutOfMemoryError("meant to be thrown");
      }
      return added;
    }
  }

  /** Its connection would go on without a place, for nobody is told to end it. */
  @Test
  void whoFindsNoMemoryEvictsNobody() {
    Scarce scarce = new Scarce();
    Places places = new Places(1, 1, 0, 0, scarce);
    Place there = enter(places, ONE);
    scarce.isFull = true;
    assertThatThrownBy(() -> places.enter(new Place(TWO, () -> evicted.add(there))))
        .isInstanceOf(OutOfMemoryError.class);
    assertThat(there.isGivenAway()).isFalse();
    scarce.isFull = false;
    enter(places, TWO);
    assertThat(evicted).containsExactly(there);
  }

  @Test
  void whoFindsNoMemoryTakesNoPlaceAndGivesNoneBack() {
    Scarce scarce = new Scarce();
    Places places = new Places(1, 1, 0, 0, scarce);
    scarce.isTaken = true;
    Place place = new Place(ONE, () -> {});
    assertThatThrownBy(() -> places.enter(place)).isInstanceOf(OutOfMemoryError.class);
    places.leave(place);
    assertThat(scarce).isEmpty();
    scarce.isTaken = false;
    enter(places, ONE).begin();
    assertThat(places.enter(new Place(TWO, () -> {})).admitted()).as("one more").isFalse();
  }

  private static void meet(CountDownLatch together) {
    together.countDown();
    try {
      together.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private Place enter(Places places, InetAddress from) {
    Place place = new Place(from, () -> {});
    Places.Entry entry = places.enter(place);
    assertThat(entry.admitted()).isTrue();
    entry.evicted().ifPresent(evicted::add);
    return place;
  }
}
