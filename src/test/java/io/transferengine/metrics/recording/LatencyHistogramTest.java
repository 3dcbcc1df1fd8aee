// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.LatencyHistogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class LatencyHistogramTest {
  @ParameterizedTest
  @CsvSource({
    "-5, 0",
    "0, 0",
    "1, 0",
    "10000, 0",
    "10001, 1",
    "20000, 1",
    "20001, 2",
    "50000, 2",
    "1000000, 6",
    "1000001, 7",
    "10000000000, 18",
    "10000000001, 19",
    "9223372036854775807, 19"
  })
  void aLatencyFallsIntoTheBucketOfTheSmallestBoundThatIsNotBelowIt(long nanos, int bucket) {
    EngineMetrics metrics = new EngineMetrics();
    metrics.recordLatencyNanos(nanos);
    LatencyHistogram histogram = metrics.snapshot().latency();

    assertThat(histogram.count()).isOne();
    assertThat(histogram.count(bucket)).isOne();
  }

  @Test
  void theBoundsAreThoseOfTheCppEngine() {
    long[] bounds = new long[LatencyHistogram.bucketCount()];
    for (int i = 0; i < bounds.length; i++) {
      bounds[i] = LatencyHistogram.upperBoundMicros(i);
    }
    assertThat(bounds)
        .containsExactly(
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
            10_000_000,
            Long.MAX_VALUE);
  }

  @Test
  void aPercentileIsTheUpperBoundOfItsBucket() {
    EngineMetrics metrics = new EngineMetrics();
    record(metrics, 90, 15);
    record(metrics, 9, 150);
    record(metrics, 1, 20_000_000);
    LatencyHistogram histogram = metrics.snapshot().latency();

    assertThat(histogram.percentileMicros(0.001)).isEqualTo(20);
    assertThat(histogram.percentileMicros(50)).isEqualTo(20);
    assertThat(histogram.percentileMicros(90)).isEqualTo(20);
    assertThat(histogram.percentileMicros(90.5)).isEqualTo(200);
    assertThat(histogram.percentileMicros(99)).isEqualTo(200);
    assertThat(histogram.percentileMicros(100)).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void anEmptyHistogramHasPercentileZero() {
    assertThat(new EngineMetrics().snapshot().latency().percentileMicros(99)).isZero();
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, 100.1, Double.NaN, Double.POSITIVE_INFINITY})
  void aPercentileOutOfRangeIsRefused(double percentile) {
    LatencyHistogram histogram = new EngineMetrics().snapshot().latency();
    assertThatThrownBy(() -> histogram.percentileMicros(percentile))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(Double.toString(percentile));
  }

  @Test
  void aDifferenceHoldsWhatCameInBetween() {
    EngineMetrics metrics = new EngineMetrics();
    record(metrics, 3, 15);
    LatencyHistogram earlier = metrics.snapshot().latency();
    record(metrics, 2, 15);
    record(metrics, 1, 40);
    LatencyHistogram between = metrics.snapshot().latency().minus(earlier);

    assertThat(between.count()).isEqualTo(3);
    assertThat(between.count(1)).isEqualTo(2);
    assertThat(between.count(2)).isEqualTo(1);
    assertThat(earlier.count()).as("unchanged").isEqualTo(3);
    assertThat(between.minus(between)).isEqualTo(new EngineMetrics().snapshot().latency());
  }

  static void record(EngineMetrics metrics, int times, long micros) {
    for (int i = 0; i < times; i++) {
      metrics.recordLatencyNanos(micros * 1_000);
    }
  }
}
