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
 * @param cost its cost
 * @param latencies of single batches, in nanoseconds
 * @param problem a failed transfer, or content that differs; empty if there is none
 */
record BenchResult(
    long bytes, long blocks, Cost cost, Histogram latencies, Optional<String> problem) {
  private static final double NANOS_PER_MICRO = 1e3;

  /**
   * The cost of a measurement.
   *
   * @param nanos from the first submission to the last completion
   * @param initiatorCpuNanos processor time of our process
   * @param targetCpuNanos processor time of the target's process
   * @param allocatedBytes heap allocation of all threads of our process
   */
  record Cost(long nanos, long initiatorCpuNanos, long targetCpuNanos, long allocatedBytes) {
    /** The cost of a measurement that did not start. */
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

  /** {@return processor seconds of both processes per 10^9 bytes; 0 if nothing was moved} */
  double cpuSecondsPerGb() {
    long nanos = cost.initiatorCpuNanos() + cost.targetCpuNanos();
    return bytes == 0 ? 0 : Units.seconds(nanos) / Units.gb(bytes);
  }

  double allocatedBytesPerBlock() {
    return blocks == 0 ? 0 : (double) cost.allocatedBytes() / blocks;
  }
}
