// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

import java.util.Arrays;
import java.util.Objects;
import java.util.stream.LongStream;

/**
 * How long completed transfers took, in the buckets of Mooncake's metrics. A bucket holds the
 * latencies above the bound before it, up to its own bound; the last one holds those above every
 * bound. Immutable.
 */
public final class LatencyHistogram {
  private static final long[] BOUNDS_MICROS = {
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000
  };

  private static final long NANOS_PER_MICRO = 1_000;

  private final long[] counts;

  private LatencyHistogram(long[] counts) {
    this.counts = counts;
  }

  /**
   * {@return a histogram of these counts, which are copied}
   *
   * @param counts one for each bucket, the fastest first
   * @throws IllegalArgumentException if there are not {@link #bucketCount()} of them
   */
  public static LatencyHistogram of(long[] counts) {
    Objects.requireNonNull(counts, "counts must not be null");
    if (counts.length != bucketCount()) {
      throw new IllegalArgumentException(
          "a histogram has " + bucketCount() + " buckets, not " + counts.length);
    }
    return new LatencyHistogram(counts.clone());
  }

  /** {@return the number of buckets: one per bound, and one above them all} */
  public static int bucketCount() {
    return BOUNDS_MICROS.length + 1;
  }

  /**
   * {@return the largest latency that bucket {@code index} holds, in microseconds; {@link
   * Long#MAX_VALUE} for the last}
   *
   * @param index 0 for the fastest
   * @throws IndexOutOfBoundsException for an index outside 0 to {@link #bucketCount()} - 1
   */
  public static long upperBoundMicros(int index) {
    return index == BOUNDS_MICROS.length ? Long.MAX_VALUE : BOUNDS_MICROS[index];
  }

  /**
   * {@return the bucket for a latency}
   *
   * @param nanos in nanoseconds; anything below zero counts as zero
   */
  public static int bucketOf(long nanos) {
    // Rounded up, so that 10.001 µs is not in the bucket up to 10 µs.
    long micros = nanos <= 0 ? 0 : Math.ceilDiv(nanos, NANOS_PER_MICRO);
    int found = Arrays.binarySearch(BOUNDS_MICROS, micros);
    return found >= 0 ? found : -found - 1;
  }

  /** {@return how many latencies were recorded} */
  public long count() {
    return LongStream.of(counts).sum();
  }

  /**
   * {@return how many latencies bucket {@code index} holds}
   *
   * @param index 0 for the fastest
   * @throws IndexOutOfBoundsException for an index outside 0 to {@link #bucketCount()} - 1
   */
  public long count(int index) {
    return counts[index];
  }

  /**
   * {@return the upper bound, in microseconds, of the bucket that holds the {@code percentile}; 0
   * if nothing was recorded, {@link Long#MAX_VALUE} above 10 s}
   *
   * @param percentile above 0, at most 100
   * @throws IllegalArgumentException if it is out of range
   */
  public long percentileMicros(double percentile) {
    if (!(percentile > 0 && percentile <= 100)) {
      throw new IllegalArgumentException("percentile " + percentile + " is not in (0, 100]");
    }
    long total = count();
    if (total == 0) {
      return 0;
    }
    long rank = Math.clamp((long) Math.ceil(percentile / 100 * total), 1, total);
    long seen = 0;
    for (int i = 0; i < counts.length; i++) {
      seen += counts[i];
      if (seen >= rank) {
        return upperBoundMicros(i);
      }
    }
    return Long.MAX_VALUE;
  }

  /**
   * {@return the latencies recorded since {@code earlier}}
   *
   * @param earlier a histogram of the same engine
   */
  public LatencyHistogram minus(LatencyHistogram earlier) {
    Objects.requireNonNull(earlier, "earlier must not be null");
    long[] difference = new long[counts.length];
    Arrays.setAll(difference, i -> Math.max(0, counts[i] - earlier.counts[i]));
    return new LatencyHistogram(difference);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LatencyHistogram that && Arrays.equals(counts, that.counts);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(counts);
  }

  @Override
  public String toString() {
    return "LatencyHistogram[count=" + count() + ", buckets=" + Arrays.toString(counts) + "]";
  }
}
