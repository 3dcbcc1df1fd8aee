// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import io.transferengine.transfer.Operation;
import java.util.Locale;
import java.util.Optional;
import org.HdrHistogram.Histogram;

/**
 * A measured line.
 *
 * @param row what was measured
 * @param bytes moved
 * @param nanos from the first submission to the last completion
 * @param latencies of single batches, in nanoseconds
 * @param initiatorCpuNanos what our process used meanwhile
 * @param targetCpuNanos what the target's process used meanwhile
 * @param problem a transfer that failed or content that differs; empty when all is well
 */
record BenchResult(
    BenchPlan.Row row,
    long bytes,
    long nanos,
    Histogram latencies,
    long initiatorCpuNanos,
    long targetCpuNanos,
    Optional<String> problem) {

  private static final double NANOS_PER_MICRO = 1e3;

  String operation() {
    return name(row.operation());
  }

  static String name(Operation operation) {
    return operation.name().toLowerCase(Locale.ROOT);
  }

  double seconds() {
    return Units.seconds(nanos);
  }

  double gbPerSecond() {
    return Units.gbPerSecond(bytes, seconds());
  }

  double percentileMicros(double percentile) {
    return latencies.getValueAtPercentile(percentile) / NANOS_PER_MICRO;
  }

  /** {@return processor seconds of both processes for 10^9 bytes; 0 when nothing was moved} */
  double cpuSecondsPerGb() {
    return bytes == 0 ? 0 : Units.seconds(initiatorCpuNanos + targetCpuNanos) / Units.gb(bytes);
  }
}
