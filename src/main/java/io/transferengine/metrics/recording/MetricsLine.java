// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.LatencyHistogram;
import io.transferengine.metrics.MetricsSnapshot;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The line of {@code MC_TE_METRIC}, in the words of Mooncake's engine, so that scripts for its log
 * work here.
 */
public final class MetricsLine {
  private static final double MEBIBYTE = 1 << 20;
  private static final double NANOS_PER_SECOND = 1e9;

  /** A bucket with a smaller share is left out, as in the C++ engine. */
  private static final double HIDDEN_BELOW_PERCENT = 0.1;

  private MetricsLine() {}

  /**
   * Formats what happened in one interval. Throughput counts the bytes that were read and written
   * from here; {@code MB} is 2^20 bytes, as in the C++ engine.
   *
   * @param interval the figures of the interval: a later snapshot {@link MetricsSnapshot#minus} an
   *     earlier one
   * @param elapsed how long it was; shown in whole seconds
   * @return the line, or nothing when there was no traffic
   */
  public static Optional<String> format(MetricsSnapshot interval, Duration elapsed) {
    long bytes = interval.get(Counter.BYTES_WRITTEN) + interval.get(Counter.BYTES_READ);
    LatencyHistogram latency = interval.latency();
    if ((bytes <= 0 && latency.count() <= 0) || elapsed.isZero() || elapsed.isNegative()) {
      return Optional.empty();
    }
    double seconds = elapsed.toNanos() / NANOS_PER_SECOND;
    String line =
        String.format(
            Locale.ROOT,
            "[Metrics] Transfer Engine Stats (over last %ds): Throughput: %.2f MB/s",
            Math.max(1, Math.round(seconds)),
            bytes / MEBIBYTE / seconds);
    return Optional.of(latency.count() == 0 ? line : line + distribution(latency));
  }

  private static String distribution(LatencyHistogram latency) {
    long total = latency.count();
    List<String> shares = new ArrayList<>();
    for (int i = 0; i < LatencyHistogram.bucketCount(); i++) {
      double percent = 100.0 * latency.count(i) / total;
      if (percent >= HIDDEN_BELOW_PERCENT) {
        shares.add(String.format(Locale.ROOT, "%s:%.1f%%", label(i), percent));
      }
    }
    return " | Latency Distribution (count=" + total + "): " + String.join(", ", shares);
  }

  private static String label(int bucket) {
    long lower = bucket == 0 ? 0 : LatencyHistogram.upperBoundMicros(bucket - 1);
    return bucket == LatencyHistogram.bucketCount() - 1
        ? ">" + lower + "μs"
        : lower + "-" + LatencyHistogram.upperBoundMicros(bucket) + "μs";
  }
}
