// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.memory.Region;
import io.transferengine.transport.SeamFinder;
import java.util.Collection;
import java.util.Comparator;
import java.util.concurrent.atomic.AtomicBoolean;

/** One use of each region that a transfer touches, given back all at once. Thread-safe. */
final class RegionHold {
  private final Region[] regions;
  private final AtomicBoolean released = new AtomicBoolean();

  /** Takes over one use of each region. */
  RegionHold(Collection<Region> used) {
    regions = used.toArray(Region[]::new);
    java.util.Arrays.sort(regions, Comparator.comparingLong(Region::address));
  }

  /** {@return where the regions end, for merging} */
  SeamFinder seams() {
    long[] starts = new long[regions.length];
    long[] ends = new long[regions.length];
    for (int i = 0; i < regions.length; i++) {
      starts[i] = regions[i].address();
      ends[i] = regions[i].end();
    }
    return new SeamFinder(starts, ends);
  }

  /** {@return whether some of the memory is out of the processor's reach} */
  boolean hasDeviceMemory() {
    for (Region region : regions) {
      if (!region.isTouchable()) {
        return true;
      }
    }
    return false;
  }

  /** Idempotent. */
  void release() {
    if (released.compareAndSet(false, true)) {
      for (Region region : regions) {
        region.release();
      }
    }
  }
}
