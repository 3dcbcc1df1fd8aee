// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.MetricsSnapshot;
import java.time.Duration;
import java.util.Locale;
import org.junit.jupiter.api.Test;

final class MetricsLineTest {
  private static final Duration FIVE_SECONDS = Duration.ofSeconds(5);

  private final EngineMetrics metrics = new EngineMetrics();

  @Test
  void theLineReadsLikeTheCppEngines() {
    metrics.add(Counter.BYTES_WRITTEN, 400 << 20);
    metrics.add(Counter.BYTES_READ, (217 << 20) + (1 << 18));
    LatencyHistogramTest.record(metrics, 12, 5);
    LatencyHistogramTest.record(metrics, 980, 15);
    LatencyHistogramTest.record(metrics, 8, 11_000_000);

    assertThat(MetricsLine.format(metrics.snapshot(), FIVE_SECONDS))
        .hasValue(
            "[Metrics] Transfer Engine Stats (over last 5s): Throughput: 123.45 MB/s"
                + " | Latency Distribution (count=1000): 0-10μs:1.2%, 10-20μs:98.0%,"
                + " >10000000μs:0.8%");
  }

  @Test
  void bucketsBelowATenthOfAPercentAreHidden() {
    LatencyHistogramTest.record(metrics, 1, 5);
    LatencyHistogramTest.record(metrics, 2, 30);
    LatencyHistogramTest.record(metrics, 1_997, 150);

    assertThat(MetricsLine.format(metrics.snapshot(), FIVE_SECONDS))
        .hasValueSatisfying(
            line ->
                assertThat(line)
                    .endsWith("(count=2000): 20-50μs:0.1%, 100-200μs:99.9%")
                    .contains("Throughput: 0.00 MB/s"));
  }

  @Test
  void withoutTrafficThereIsNoLine() {
    assertThat(MetricsLine.format(metrics.snapshot(), FIVE_SECONDS)).isEmpty();
    metrics.add(Counter.BYTES_READ, 1 << 20);
    MetricsSnapshot earlier = metrics.snapshot();
    metrics.increment(Counter.HANDSHAKES_SERVED);
    assertThat(MetricsLine.format(metrics.snapshot().minus(earlier), FIVE_SECONDS)).isEmpty();
  }

  @Test
  void anIntervalWithoutLengthHasNoLine() {
    metrics.add(Counter.BYTES_READ, 1 << 20);
    assertThat(MetricsLine.format(metrics.snapshot(), Duration.ZERO)).isEmpty();
    assertThat(MetricsLine.format(metrics.snapshot(), Duration.ofSeconds(-1))).isEmpty();
  }

  @Test
  void bytesOfTransfersThatHaveNotEndedShowWithoutADistribution() {
    metrics.add(Counter.BYTES_READ, 10 << 20);
    assertThat(MetricsLine.format(metrics.snapshot(), Duration.ofMillis(9_600)))
        .hasValue("[Metrics] Transfer Engine Stats (over last 10s): Throughput: 1.04 MB/s");
  }

  @Test
  void theLineIsTheSameInEveryLocale() {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.GERMANY);
    try {
      metrics.add(Counter.BYTES_READ, 1 << 20);
      LatencyHistogramTest.record(metrics, 1, 5);
      assertThat(MetricsLine.format(metrics.snapshot(), Duration.ofSeconds(2)))
          .hasValueSatisfying(line -> assertThat(line).contains("0.50 MB/s", "0-10μs:100.0%"));
    } finally {
      Locale.setDefault(before);
    }
  }
}
