// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The scheduler finds what it is there to find: without that, the other schedules prove nothing.
 */
@Tag("schedules")
@Timeout(120)
class SchedulerSchedules {
  /** Two that add without a lock. */
  private static final class LostUpdate extends Schedules.Scene {
    private int sum;

    LostUpdate() {
      super(2);
    }

    @Override
    protected Schedules.Scene fresh() {
      return new LostUpdate();
    }

    @Override
    protected void first() {
      sum++;
    }

    @Override
    protected void second() {
      sum++;
    }

    @Override
    protected void check() {
      Schedules.require(sum == 2, "an update is lost");
    }
  }

  /** Two that lock in opposite orders. */
  private static final class Deadlock extends Schedules.Scene {
    private final Object one = new Object();
    private final Object other = new Object();

    Deadlock() {
      super(2);
    }

    @Override
    protected Schedules.Scene fresh() {
      return new Deadlock();
    }

    @Override
    protected void first() {
      synchronized (one) {
        synchronized (other) {
          other.notifyAll();
        }
      }
    }

    @Override
    protected void second() {
      synchronized (other) {
        synchronized (one) {
          one.notifyAll();
        }
      }
    }

    @Override
    protected void check() {}
  }

  @Test
  void aLostUpdateIsFound() {
    Schedules.Scene scene = new LostUpdate();
    assertThatThrownBy(() -> Schedules.explore(100, scene))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("an update is lost");
  }

  @Test
  void aDeadlockIsFound() {
    Schedules.Scene scene = new Deadlock();
    assertThatThrownBy(() -> Schedules.explore(100, scene))
        .isInstanceOf(AssertionError.class)
        .message()
        .containsAnyOf("deadlock", Schedules.UNTOLD);
  }
}
