// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.memory.Region;
import io.transferengine.transport.TransferEnds;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** One use of each region that a transfer touches, given back all at once. Thread-safe. */
final class RegionHold {
  private final Region[] regions;

  /** No handle of a field: to link what uses one takes memory, and this ends transfers. */
  private final AtomicBoolean released = new AtomicBoolean();

  /** Takes over one use of each region. */
  RegionHold(Collection<Region> used) {
    regions = used.toArray(Region[]::new);
    java.util.Arrays.sort(regions, Comparator.comparingLong(Region::address));
  }

  private RegionHold(Region only) {
    regions = new Region[] {only};
  }

  /** {@return one that takes over one use of each region; of none if {@code first} is null} */
  static RegionHold of(@Nullable Region first, Set<Region> others) {
    if (first != null && others.isEmpty()) {
      return new RegionHold(first);
    }
    List<Region> all = new ArrayList<>(others);
    if (first != null) {
      all.add(first);
    }
    return new RegionHold(all);
  }

  /** {@return whether it is of one region, so that to release it takes no time} */
  boolean isOne() {
    return regions.length == 1;
  }

  /** {@return the ends of a transfer from or to the regions} */
  TransferEnds endsWith(RemoteSegment peer) {
    return new TransferEnds(regions, peer.buffers());
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
