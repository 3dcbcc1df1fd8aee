// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.memory.Region;
import io.transferengine.transport.TransferEnds;
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
