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
 * Ends regions that refuse new use: the second half of taking memory back. {@code LocalMemory} is
 * the first half.
 *
 * <p>Many are ended together, but independently. If one is still in use, or a transport does not
 * let go of it, the others are ended all the same. It stays in the table, refused; unregistering it
 * again tries again. Thread-safe.
 */
final class RegionEnds {
  /** The transports and peers that use the ranges. */
  interface Users {
    /**
     * Makes the ranges unreachable; when it returns, nobody reaches them. If it throws, as much as
     * possible is done; it may be called again, for all or some of them.
     */
    void unregistered(List<Region> regions);

    /**
     * Ends all use of a range: waits for {@code grace}, then cancels the rest.
     *
     * @return whether nothing touches the range now
     */
    boolean drain(long start, long end, Duration grace) throws InterruptedException;
  }

  private final RegionTable regions;
  private final Users users;
  private final Consumer<List<Region>> forgotten;
  private final Supplier<Duration> cutOffWait;

  /**
   * For one engine's memory.
   *
   * @param forgotten called with the regions that have left the table; throws nothing
   * @param cutOffWait how long transfers that were cut off may take; asked again for each range
   */
  RegionEnds(
      RegionTable regions,
      Users users,
      Consumer<List<Region>> forgotten,
      Supplier<Duration> cutOffWait) {
    this.cutOffWait = cutOffWait;
    this.regions = regions;
    this.users = users;
    this.forgotten = forgotten;
  }

  /**
   * Waits for transfers over refused ranges, cuts off the rest, and forgets the ranges.
   *
   * @param grace how long transfers may go on before they are cut off
   * @throws RuntimeException or an Error, the first failure, after all were tried
   */
  void end(List<Region> closed, Duration grace) {
    try {
      Failures failures = new Failures();
      forget(idle(closed, grace, failures), failures);
      failures.throwIfAny();
    } finally {
      // Without an iterator: here there may be no memory for one, and nobody else could try again.
      for (int i = 0; i < closed.size(); i++) {
        Region region = closed.get(i);
        if (regions.byAddress(region.address()) == region) {
          region.notEnded();
        }
      }
    }
  }

  /** {@return the ranges that nothing touches now} */
  private List<Region> idle(List<Region> closed, Duration grace, Failures failures) {
    long graceEndNanos = System.nanoTime() + grace.toNanos();
    boolean interrupted = false;
    List<Region> idle = new ArrayList<>(closed.size());
    List<Region> waiting = new ArrayList<>();
    for (Region region : closed) {
      try {
        long left = interrupted ? 0 : graceEndNanos - System.nanoTime();
        (region.awaitIdle(Duration.ofNanos(left)) ? idle : waiting).add(region);
      } catch (InterruptedException e) {
        // The caller was interrupted, but the memory must not be given up before that is safe.
        interrupted = true;
        waiting.add(region);
      }
    }
    for (Region region : waiting) {
      try {
        // One transfer may hold many of them; it is cut off once.
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
        "Keep the memory mapped, and unregister it again later. This should not happen: please"
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
   * Each is tried alone to see which one could not be ended; for those already gone this takes no
   * time.
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

  /** Ends transfers over a range. An interrupt is kept, and does not shorten this. */
  private boolean cutOff(Region region, Duration wait) {
    boolean interrupted = false;
    try {
      for (int attempt = 0; attempt < 2; attempt++) {
        try {
          return region.awaitIdle(Duration.ZERO)
              || (users.drain(region.address(), region.end(), Duration.ZERO)
                  && region.awaitIdle(wait));
        } catch (InterruptedException e) {
          // Again, with the flag cleared.
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
