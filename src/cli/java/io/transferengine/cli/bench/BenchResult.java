// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Units;
import java.util.Optional;
import org.HdrHistogram.Histogram;

/**
 * One measurement of a row.
 *
 * @param bytes moved
 * @param blocks moved
 * @param cost what it took
 * @param latencies of single batches, in nanoseconds
 * @param problem a transfer that failed or content that differs; empty when all is well
 */
record BenchResult(
    long bytes, long blocks, Cost cost, Histogram latencies, Optional<String> problem) {
  private static final double NANOS_PER_MICRO = 1e3;

  /**
   * What a measurement took.
   *
   * @param nanos from the first submission to the last completion
   * @param initiatorCpuNanos what our process used meanwhile
   * @param targetCpuNanos what the target's process used meanwhile
   * @param allocatedBytes what all threads of our process allocated on the heap
   */
  record Cost(long nanos, long initiatorCpuNanos, long targetCpuNanos, long allocatedBytes) {
    /** Of what did not get as far as to cost anything. */
    static final Cost NONE = new Cost(0, 0, 0, 0);
  }

  /** {@return the same with another problem, or none} */
  BenchResult with(Optional<String> found) {
    return new BenchResult(bytes, blocks, cost, latencies, found);
  }

  double seconds() {
    return Units.seconds(cost.nanos());
  }

  double gbPerSecond() {
    return Units.gbPerSecond(bytes, seconds());
  }

  double blocksPerSecond() {
    return cost.nanos() == 0 ? 0 : blocks / seconds();
  }

  double percentileMicros(double percentile) {
    return latencies.getValueAtPercentile(percentile) / NANOS_PER_MICRO;
  }

  /** {@return processor seconds of both processes for 10^9 bytes; 0 when nothing was moved} */
  double cpuSecondsPerGb() {
    long nanos = cost.initiatorCpuNanos() + cost.targetCpuNanos();
    return bytes == 0 ? 0 : Units.seconds(nanos) / Units.gb(bytes);
  }

  double allocatedBytesPerBlock() {
    return blocks == 0 ? 0 : (double) cost.allocatedBytes() / blocks;
  }
}
