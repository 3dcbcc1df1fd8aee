// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.memory.Region;
import io.transferengine.memory.UsedRanges;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Registrations of ours that a transfer lies in, if it is not a single one. Thread-safe. */
public final class SeveralRegions implements UsedRanges<Region> {
  private static final SeveralRegions NONE = new SeveralRegions(List.of());

  /** By ascending address. */
  private final Region[] regions;

  private final SeamFinder seams;

  /** Takes over one use of each. */
  public SeveralRegions(Collection<Region> used) {
    regions = used.toArray(Region[]::new);
    Arrays.sort(regions, Comparator.comparingLong(Region::address));
    long[] starts = new long[regions.length];
    long[] ends = new long[regions.length];
    for (int i = 0; i < regions.length; i++) {
      starts[i] = regions[i].address();
      ends[i] = regions[i].end();
    }
    seams = new SeamFinder(starts, ends);
  }

  /** Host memory of which nothing but the ranges is known. */
  SeveralRegions(SeamFinder seams) {
    regions = new Region[0];
    this.seams = seams;
  }

  /** {@return none at all} */
  public static SeveralRegions none() {
    return NONE;
  }

  @Override
  public @Nullable Region at(long address) {
    int index = seams.find(address);
    return index < 0 || index >= regions.length ? null : regions[index];
  }

  @Override
  public long endAt(long address) {
    return seams.endOfRange(address);
  }

  @Override
  public boolean areHost() {
    for (Region region : regions) {
      if (!region.kind().isHost()) {
        return false;
      }
    }
    return true;
  }

  @Override
  public boolean isOne() {
    return false;
  }

  @Override
  public void release() {
    for (Region region : regions) {
      region.release();
    }
  }
}
