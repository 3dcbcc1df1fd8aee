// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.util.Arrays;

/**
 * Ranges that are copied within the memory that a device reaches, each from its own place to its
 * own place. For one thread at a time; not to be changed while it is copied.
 */
public final class PairList {
  private long[] sources = new long[16];
  private long[] targets = new long[16];
  private long[] lengths = new long[16];
  private int count;
  private long bytes;

  /** Each target begins behind all before it: nothing can overlap. */
  private boolean ascending = true;

  /** An empty list. */
  public PairList() {}

  /** Empties it. */
  public void clear() {
    count = 0;
    bytes = 0;
    ascending = true;
  }

  /** {@return how many ranges there are} */
  public int count() {
    return count;
  }

  /** {@return the length of all ranges} */
  public long bytes() {
    return bytes;
  }

  long source(int index) {
    return sources[index];
  }

  long target(int index) {
    return targets[index];
  }

  long length(int index) {
    return lengths[index];
  }

  /**
   * Adds a range. No more than {@link CopyList#RANGES_LIMIT} of them, and {@link
   * CopyList#BYTES_LIMIT} bytes in all.
   */
  public void add(long source, long target, long length) {
    if (length < 1 || count == CopyList.RANGES_LIMIT || length > CopyList.BYTES_LIMIT - bytes) {
      throw new IllegalArgumentException(length + " bytes as range " + count);
    }
    if (count == sources.length) {
      long[] moreSources = Arrays.copyOf(sources, 2 * count);
      long[] moreTargets = Arrays.copyOf(targets, 2 * count);
      lengths = Arrays.copyOf(lengths, 2 * count);
      sources = moreSources;
      targets = moreTargets;
    }
    ascending &= count == 0 || targets[count - 1] + lengths[count - 1] <= target;
    sources[count] = source;
    targets[count] = target;
    lengths[count] = length;
    count++;
    bytes += length;
  }

  /** {@return whether two targets have a byte in common: then it matters which is copied last} */
  boolean hasOverlaps() {
    return !ascending && Overlaps.among(targets, lengths, count);
  }
}
