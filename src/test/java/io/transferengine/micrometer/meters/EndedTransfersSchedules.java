// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import static io.transferengine.testkit.Schedules.require;

import io.transferengine.testkit.Schedules;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Transfers end while others are counted, under many schedules. */
@Tag("schedules")
@Timeout(120)
class EndedTransfersSchedules {
  /** Three transfers end on two threads, and there is room for two. */
  private abstract static class Ends extends Schedules.Scene implements EndedTransfers.Taker {
    final EndedTransfers ring = new EndedTransfers(2);

    /** How often each was counted. */
    private final int[] times = new int[3];

    Ends(int threads) {
      super(threads);
    }

    @Override
    public final void take(int kind, int blocks, long nanos, long bytes) {
      require(nanos == blocks && bytes == blocks, "figures of several transfers");
      synchronized (times) {
        times[blocks]++;
      }
    }

    final void end(int number) {
      if (ring.put(0, number, number, number) == 0) {
        take(0, number, number, number);
      }
    }

    final int times(int number) {
      synchronized (times) {
        return times[number];
      }
    }

    @Override
    protected final void check() {
      ring.takeAll(this);
      require(ring.isEmpty(), "some are left");
      for (int i = 0; i < times.length; i++) {
        require(times[i] == 1, "counted " + times[i] + " times: " + i);
      }
    }
  }

  /** Somebody asks for the figures, who has seen the end of one: it is in them. */
  private static final class EndsAndScrapes extends Ends {
    EndsAndScrapes() {
      super(2);
    }

    @Override
    protected Ends fresh() {
      return new EndsAndScrapes();
    }

    @Override
    protected void first() {
      end(0);
      end(1);
    }

    @Override
    protected void second() {
      end(2);
      ring.takeAll(this);
      require(times(2) == 1, "not there at once");
    }
  }

  /** Two ask for them. */
  private static final class EndsAndTwoScrapes extends Ends {
    EndsAndTwoScrapes() {
      super(3);
    }

    @Override
    protected Ends fresh() {
      return new EndsAndTwoScrapes();
    }

    @Override
    protected void first() {
      end(0);
      ring.takeAll(this);
      require(times(0) == 1, "not there at once");
    }

    @Override
    protected void second() {
      end(1);
      end(2);
    }

    @Override
    protected void third() {
      ring.takeAll(this);
    }
  }

  @Test
  void whoHasSeenAnEndGetsIt() {
    Schedules.explore(1000, new EndsAndScrapes());
  }

  @Test
  void eachIsCountedOnce() {
    Schedules.explore(1500, new EndsAndTwoScrapes());
  }
}
