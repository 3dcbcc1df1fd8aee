// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import io.transferengine.cli.console.Units;
import io.transferengine.diagnostics.EngineCounters;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.LatencyHistogram;
import io.transferengine.metrics.MetricsSnapshot;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;

/**
 * What an engine did in its last interval.
 *
 * @param now its last figures
 * @param before those before them; empty if only one look was taken
 */
record Sample(EngineCounters now, Optional<EngineCounters> before) {
  /** An engine writes at least every five seconds, and later on a busy machine. */
  private static final Duration STALE = Duration.ofSeconds(15);

  private static final Counter[] DEVICE_BYTES = {
    Counter.DEVICE_BYTES_READ,
    Counter.DEVICE_BYTES_WRITTEN,
    Counter.INBOUND_DEVICE_BYTES_READ,
    Counter.INBOUND_DEVICE_BYTES_WRITTEN
  };

  /** {@return whether its process has ended without closing the engine} */
  boolean isGone() {
    return now.state() == EngineCounters.State.GONE;
  }

  /** {@return whether the engine writes its figures, so that they say what it does now} */
  boolean isFresh(Instant at) {
    return !isGone() && age(at).compareTo(STALE) < 0;
  }

  Duration age(Instant at) {
    return Duration.between(now.written(), at);
  }

  /** {@return how long the interval was; 0 if there is none} */
  double seconds() {
    return before
        .map(first -> Units.seconds(now.writtenNanos() - first.writtenNanos()))
        .orElse(0.0);
  }

  /** {@return what has happened in the interval; all figures if there is none} */
  MetricsSnapshot interval() {
    return before.map(first -> now.metrics().minus(first.metrics())).orElse(now.metrics());
  }

  /** {@return a second's part of what has happened in the interval; 0 if there is none} */
  double perSecond(long inInterval) {
    double seconds = seconds();
    return seconds > 0 ? Math.max(0, inInterval) / seconds : 0;
  }

  /** {@return a second's part of some counters} */
  double perSecond(Counter... counters) {
    if (before.isEmpty()) {
      return 0;
    }
    long sum = 0;
    for (Counter each : counters) {
      sum += now.metrics().get(each) - before.get().metrics().get(each);
    }
    return perSecond(sum);
  }

  /** {@return bytes that this engine moved, and bytes that peers moved from or to its memory} */
  double bytesPerSecond() {
    return perSecond(
        Counter.BYTES_READ,
        Counter.BYTES_WRITTEN,
        Counter.INBOUND_BYTES_READ,
        Counter.INBOUND_BYTES_WRITTEN);
  }

  /** {@return those bytes of them that were of devices of this process} */
  double deviceBytesPerSecond() {
    return perSecond(DEVICE_BYTES);
  }

  /** {@return whether there is, or was, anything of a device} */
  boolean hasDevices() {
    MetricsSnapshot all = now.metrics();
    return all.get(Gauge.REGISTERED_BYTES_DEVICE) != 0
        || all.get(Gauge.MANAGED_DEVICE_BYTES_RESERVED) != 0
        || Arrays.stream(DEVICE_BYTES).anyMatch(each -> all.get(each) != 0);
  }

  /** {@return the latencies of the interval, or of all time if there were none in it} */
  LatencyHistogram latency() {
    LatencyHistogram last = interval().latency();
    return last.count() > 0 ? last : now.metrics().latency();
  }

  /** {@return transfers that did not complete, since the engine was opened} */
  long failures() {
    return now.metrics().failures().values().stream().mapToLong(Long::longValue).sum();
  }
}
