// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The scheduler finds what it is there to find, and nothing where nothing is. */
@Timeout(60)
class StepsTest {
  /** Something that two add to. */
  private abstract static class Sum extends Steps.Scene {
    int sum;

    Sum() {
      super(2);
    }

    abstract void add();

    @Override
    protected final Object lock() {
      return this;
    }

    @Override
    protected final void first() {
      add();
    }

    @Override
    protected final void second() {
      add();
    }

    @Override
    protected final void check() {
      Schedules.require(sum == 2, "an update is lost");
    }
  }

  private static final class WithoutLock extends Sum {
    int mine;

    @Override
    void add() {
      mine++;
      sum = mine;
    }
  }

  private static final class WithLock extends Sum {
    int mine;

    @Override
    synchronized void add() {
      mine++;
      sum = mine;
    }
  }

  /** Two locked steps that should be one. */
  private static final class LockedTwice extends Sum {
    int mine;

    @Override
    void add() {
      int before = value();
      set(before + 1);
    }

    private synchronized int value() {
      return mine;
    }

    private synchronized void set(int value) {
      mine = value;
      sum = value;
    }
  }

  /** Ends with an exception. */
  private static final class Throwing extends Sum {
    @Override
    void add() {
      throw new IllegalStateException("thrown by a thread");
    }
  }

  @Test
  void aLostUpdateIsFound() {
    assertThatThrownBy(() -> Steps.explore(1, WithoutLock.class, StepsTest.class))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("replay with -Dschedule=")
        .hasRootCauseMessage("an update is lost");
    assertThatThrownBy(() -> Steps.explore(1, LockedTwice.class, StepsTest.class))
        .isInstanceOf(AssertionError.class)
        .hasRootCauseMessage("an update is lost");
  }

  @Test
  void withoutAnInterruptionNothingIsLost() {
    assertThat(Steps.explore(0, WithoutLock.class, StepsTest.class)).isEqualTo(2);
  }

  @Test
  void nothingIsFoundWhereALockIsHeld() {
    assertThat(Steps.explore(3, WithLock.class, StepsTest.class)).isGreaterThan(1);
  }

  @Test
  void whatAThreadThrowsFailsTheOrder() {
    assertThatThrownBy(() -> Steps.explore(1, Throwing.class, StepsTest.class))
        .isInstanceOf(AssertionError.class)
        .hasRootCauseMessage("thrown by a thread");
  }
}
