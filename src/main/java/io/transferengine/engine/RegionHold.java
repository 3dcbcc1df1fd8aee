// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.memory.Region;
import io.transferengine.transport.TransferEnds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;

/** One use of each region that a transfer touches, given back all at once. Thread-safe. */
final class RegionHold {
  private static final Region[] NONE = {};

  /** No handle of the field: to link what uses one takes memory, and this ends transfers. */
  private static final AtomicIntegerFieldUpdater<RegionHold> RELEASED =
      AtomicIntegerFieldUpdater.newUpdater(RegionHold.class, "released");

  /** Of most transfers; null if there are several, or none. */
  private final @Nullable Region only;

  /** By ascending address. */
  private final Region[] several;

  /** 1 once it is, and 0 before. */
  @SuppressWarnings("UnusedVariable") // by the updater
  private volatile int released;

  /** Takes over one use of each region. */
  RegionHold(Collection<Region> used) {
    if (used.size() == 1) {
      only = used.iterator().next();
      several = NONE;
    } else {
      only = null;
      several = used.toArray(Region[]::new);
      Arrays.sort(several, Comparator.comparingLong(Region::address));
    }
  }

  private RegionHold(Region only) {
    this.only = only;
    several = NONE;
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
    return only != null;
  }

  /** {@return the ends of a transfer from or to the regions} */
  TransferEnds endsWith(RemoteSegment peer) {
    return only == null
        ? new TransferEnds(several, peer.buffers())
        : new TransferEnds(only, peer.buffers());
  }

  /** Idempotent. */
  void release() {
    if (!RELEASED.compareAndSet(this, 0, 1)) {
      return;
    }
    if (only != null) {
      only.release();
    }
    for (Region region : several) {
      region.release();
    }
  }
}
