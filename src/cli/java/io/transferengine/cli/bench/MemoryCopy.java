// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Units;
import io.transferengine.transfer.BlockColumns;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.HdrHistogram.Histogram;

/**
 * What one thread of this process copies: the blocks of a batch, from where they lie, to memory of
 * its own in which they lie in the order of the target.
 */
final class MemoryCopy implements Reference {
  static final String NAME = "memcpy";

  @SuppressWarnings("restricted") // the blocks are registered, or they would not have been measured
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private static final long WARM_UP_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
  private static final long MEASURED_NANOS = TimeUnit.SECONDS.toNanos(1);

  /**
   * Reading the clock takes as long as copying a small block: that many bytes between two looks.
   */
  private static final long TIMED_BYTES = 64 << 10;

  private static final long TIMED_COPIES_MAX = 1024;

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean tellsLatency() {
    return true;
  }

  @Override
  public String explanation() {
    return "memcpy: MemorySegment.copy of the same blocks by one thread within this process, before"
        + " each row";
  }

  @Override
  public Optional<Figure> measure(BenchCase measured) {
    return measured.blocks().map(MemoryCopy::measure);
  }

  private static Figure measure(BlockColumns blocks) {
    long[] places = places(blocks);
    try (Arena arena = Arena.ofShared()) {
      long end = LongStream.of(places).max().orElse(0) + longest(blocks);
      MemorySegment copy = arena.allocate(end, Long.BYTES);
      var _ = repeat(blocks, places, copy, WARM_UP_NANOS);
      return repeat(blocks, places, copy, MEASURED_NANOS);
    }
  }

  /** {@return the place of each block in the copy: in the target's order, the same gap between} */
  static long[] places(BlockColumns blocks) {
    long[] remote = new long[blocks.count()];
    for (int i = 0; i < remote.length; i++) {
      remote[i] = blocks.remote(i);
    }
    long[] order = LongStream.of(remote).sorted().distinct().toArray();
    long stride = longest(blocks) + GridPlan.GAP_BYTES;
    for (int i = 0; i < remote.length; i++) {
      remote[i] = Arrays.binarySearch(order, remote[i]) * stride;
    }
    return remote;
  }

  private static long longest(BlockColumns blocks) {
    long longest = 0;
    for (int i = 0; i < blocks.count(); i++) {
      longest = Math.max(longest, blocks.length(i));
    }
    return longest;
  }

  private static Figure repeat(BlockColumns blocks, long[] places, MemorySegment copy, long nanos) {
    long bytes = blocks.totalBytes();
    long group = Math.clamp(TIMED_BYTES / Math.max(1, bytes), 1, TIMED_COPIES_MAX);
    Histogram latencies = new Histogram(BenchLoop.SIGNIFICANT_DIGITS);
    long begin = System.nanoTime();
    long last = begin;
    long copies = 0;
    do {
      for (long i = 0; i < group; i++) {
        copy(blocks, places, copy);
      }
      copies += group;
      long now = System.nanoTime();
      // Of a group, or there would be nothing left after the dot.
      latencies.recordValue(Math.max(1, now - last));
      last = now;
    } while (last - begin < nanos);
    double micros =
        latencies.getValueAtPercentile(BenchSummary.MEDIAN)
            / (double) TimeUnit.MICROSECONDS.toNanos(1);
    return new Figure(
        Units.gbPerSecond(copies * bytes, Units.seconds(last - begin)),
        OptionalDouble.empty(),
        OptionalDouble.of(micros / group));
  }

  private static void copy(BlockColumns blocks, long[] places, MemorySegment copy) {
    for (int i = 0; i < places.length; i++) {
      MemorySegment.copy(ALL, blocks.local(i), copy, places[i], blocks.length(i));
    }
  }
}
