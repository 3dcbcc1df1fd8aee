// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.recording.MetricsLine;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs the line of MC_TE_METRIC at INFO, if there was traffic. Runs on the engine's timer. */
final class MetricsReporter implements Runnable {
  private static final Logger log = LoggerFactory.getLogger(MetricsReporter.class);

  private final Supplier<MetricsSnapshot> metrics;
  private final Duration interval;
  private MetricsSnapshot last;

  MetricsReporter(Supplier<MetricsSnapshot> metrics, Duration interval) {
    this.metrics = metrics;
    this.interval = interval;
    this.last = metrics.get();
  }

  @Override
  public void run() {
    MetricsSnapshot now = metrics.get();
    Optional<String> line = MetricsLine.format(now.minus(last), interval);
    if (line.isPresent()) {
      log.info(line.get());
    }
    last = now;
  }
}
