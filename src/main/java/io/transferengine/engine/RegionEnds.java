// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.logging.Failures;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Ends regions that take no new use any more: the second half of taking memory back, of which
 * {@code LocalMemory} is the first.
 *
 * <p>Many are ended together, and each for itself: one that is still in use, or that a device or a
 * transport does not let go of, is no reason to keep the others. It stays in the table, refused,
 * and whoever unregisters it again tries again. Thread-safe.
 */
final class RegionEnds {
  /** What moves bytes to and from the ranges. */
  interface Users {
    /**
     * Makes nobody reach the ranges any more; when it returns nobody does. When it throws, what
     * could be undone is; it may be called again, for all or for some of them.
     */
    void unregistered(List<Region> regions);

    /**
     * Ends all use of a range: waits for {@code grace}, then cancels what is left.
     *
     * @return whether nothing touches the range any more
     */
    boolean drain(long start, long end, Duration grace) throws InterruptedException;
  }

  private final RegionTable regions;
  private final Users users;
  private final Consumer<List<Region>> forgotten;

  /**
   * For one engine's memory.
   *
   * @param forgotten is told of those that have left the table; throws nothing
   */
  RegionEnds(RegionTable regions, Users users, Consumer<List<Region>> forgotten) {
    this.regions = regions;
    this.users = users;
    this.forgotten = forgotten;
  }

  /**
   * Waits for what is in flight over refused ranges, cuts off what stays, and forgets them.
   *
   * @param grace what is in flight may take, before it is cut off
   * @param cutOffWait how long it may take then; asked anew for each range
   * @throws RuntimeException or an Error, the first failure, after all were tried
   */
  void end(List<Region> closed, Duration grace, Supplier<Duration> cutOffWait) {
    Failures failures = new Failures();
    try {
      forget(idle(closed, grace, cutOffWait, failures), failures);
    } finally {
      for (Region region : closed) {
        if (regions.byAddress(region.address()) == region) {
          region.notEnded();
        }
      }
    }
    failures.throwIfAny();
  }

  /** {@return those that nothing touches any more} */
  private List<Region> idle(
      List<Region> closed, Duration grace, Supplier<Duration> cutOffWait, Failures failures) {
    long graceEndNanos = System.nanoTime() + grace.toNanos();
    boolean interrupted = false;
    List<Region> idle = new ArrayList<>(closed.size());
    List<Region> waiting = new ArrayList<>();
    for (Region region : closed) {
      try {
        long left = interrupted ? 0 : graceEndNanos - System.nanoTime();
        (region.awaitIdle(Duration.ofNanos(left)) ? idle : waiting).add(region);
      } catch (InterruptedException e) {
        // The caller is in a hurry, but the memory must not be given up before it is safe.
        interrupted = true;
        waiting.add(region);
      }
    }
    for (Region region : waiting) {
      try {
        // One transfer may have held many of them, and is cut off once.
        if (cutOff(region, cutOffWait.get())) {
          idle.add(region);
        } else {
          failures.add(stillInUse(region, null));
        }
      } catch (Throwable t) {
        failures.add(stillInUse(region, t));
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return idle;
  }

  private static TransferException stillInUse(Region region, @Nullable Throwable why) {
    String what = region + " is still in use long after it was refused";
    String remedy =
        "Keep the memory mapped, and unregister it again later; this should not happen, please"
            + " report it";
    return why == null
        ? new TransferException(ErrorCode.BATCH_BUSY, what, remedy)
        : new TransferException(ErrorCode.BATCH_BUSY, what, remedy, why);
  }

  private void forget(List<Region> idle, Failures failures) {
    if (idle.isEmpty()) {
      return;
    }
    List<Region> gone = idle;
    try {
      users.unregistered(idle);
    } catch (Throwable all) {
      gone = oneByOne(idle, all, failures);
    }
    regions.removeAll(gone);
    forgotten.accept(gone);
  }

  /**
   * Which of them it was that could not be ended, each alone says; it takes no time for those that
   * are gone already.
   */
  private List<Region> oneByOne(List<Region> idle, Throwable all, Failures failures) {
    if (idle.size() == 1) {
      failures.add(all);
      return List.of();
    }
    List<Region> gone = new ArrayList<>(idle.size());
    for (Region region : idle) {
      try {
        users.unregistered(List.of(region));
        gone.add(region);
      } catch (Throwable t) {
        failures.add(t);
      }
    }
    return gone;
  }

  /** Ends what is in flight over a range; an interrupt is kept and does not shorten it. */
  private boolean cutOff(Region region, Duration wait) {
    boolean interrupted = false;
    try {
      for (int attempt = 0; attempt < 2; attempt++) {
        try {
          return region.awaitIdle(Duration.ZERO)
              || (users.drain(region.address(), region.end(), Duration.ZERO)
                  && region.awaitIdle(wait));
        } catch (InterruptedException e) {
          // Once more, with the flag cleared.
          interrupted = true;
        }
      }
      return false;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
