// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static io.transferengine.testkit.Schedules.require;

import io.transferengine.access.AccessRights;
import io.transferengine.testkit.Schedules;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Uses of a region against its end, under many schedules. */
@Tag("schedules")
@Timeout(120)
class RegionSchedules {
  private static final Duration LONG = Duration.ofDays(1);

  /** Two users and one who takes the memory back. */
  private static final class UsedAndEnded extends Schedules.Scene {
    private final Region region =
        new Region(
            4096,
            4096,
            new OffHeapSource("cpu:0"),
            AccessRights.READ_WRITE,
            1,
            LiveBlocks.ofOneBlock());
    private volatile boolean freed;

    UsedAndEnded() {
      super(3);
    }

    private void use() {
      if (region.acquire()) {
        require(!freed, "used after it was freed");
        region.release();
      }
    }

    private void end() throws InterruptedException {
      require(region.refuse(), "nobody else ends it");
      require(region.awaitIdle(LONG), "it is not idle");
      freed = true;
    }

    @Override
    protected Schedules.Scene fresh() {
      return new UsedAndEnded();
    }

    @Override
    protected void first() {
      use();
    }

    @Override
    protected void second() {
      use();
    }

    @Override
    protected void third() throws InterruptedException {
      end();
    }

    @Override
    protected void check() {
      require(freed && !region.acquire() && region.inFlight() == 0, "it is not ended");
    }
  }

  /** One cannot end it and says so; whoever comes after that may. */
  private static final class EndedByTwo extends Schedules.Scene {
    private final Region region =
        new Region(
            4096,
            4096,
            new OffHeapSource("cpu:0"),
            AccessRights.READ_WRITE,
            1,
            LiveBlocks.ofOneBlock());
    private volatile int ending;
    private int refusals;

    EndedByTwo() {
      super(2);
    }

    private void tryToEnd() {
      if (region.refuse()) {
        require(ending == 0, "two end it at once");
        ending = 1;
        refusals = refusals + 1; // only ever one thread at a time
        ending = 0;
        region.notEnded();
      }
    }

    @Override
    protected Schedules.Scene fresh() {
      return new EndedByTwo();
    }

    @Override
    protected void first() {
      tryToEnd();
    }

    @Override
    protected void second() {
      tryToEnd();
    }

    @Override
    protected void check() {
      require(refusals > 0 && region.isRefused() && region.refuse(), "nobody may end it");
    }
  }

  /** A block of a pool: what is checked after a use was counted, and closed before it is looked. */
  private static final class BlockOfPool extends Schedules.Scene {
    private final LiveBlocks blocks = LiveBlocks.ofPool(64 << 10);
    private final Region region =
        new Region(
            1 << 20, 64 << 10, new OffHeapSource("cpu:0"), AccessRights.READ_WRITE, 1, blocks);
    private volatile boolean reused;

    BlockOfPool() {
      super(2);
      blocks.admit(8192, 4096);
    }

    private void use() {
      if (region.acquire((1 << 20) + 8192, 100)) {
        require(!reused, "used after it was given to another");
        region.release();
      }
    }

    /** As a pool does: it gives a block out again when no use is counted that may be of it. */
    private void free() {
      require(blocks.refuse(8192), "it was closed before");
      if (region.inFlight() == 0) {
        reused = true;
      }
    }

    @Override
    protected Schedules.Scene fresh() {
      return new BlockOfPool();
    }

    @Override
    protected void first() {
      use();
    }

    @Override
    protected void second() {
      free();
    }

    @Override
    protected void check() {
      require(region.inFlight() == 0, "a use was not ended");
      require(!region.acquire((1 << 20) + 8192, 100), "a block that was freed may be used");
    }
  }

  @Test
  void nobodyUsesItAfterItsEnd() {
    Schedules.explore(1500, new UsedAndEnded());
  }

  @Test
  void oneAtATimeEndsIt() {
    Schedules.explore(500, new EndedByTwo());
  }

  @Test
  void aBlockIsNotUsedAfterItWasFreed() {
    Schedules.explore(500, new BlockOfPool());
  }
}
