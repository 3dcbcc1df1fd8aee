// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.metrics.EngineMetrics;
import io.transferengine.metrics.MetricsLine;
import io.transferengine.metrics.MetricsSnapshot;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs the line of MC_TE_METRIC at INFO, where there was traffic. Runs on the engine's timer. */
final class MetricsReporter implements Runnable {
  private static final Logger log = LoggerFactory.getLogger(MetricsReporter.class);

  private final EngineMetrics metrics;
  private final Duration interval;
  private MetricsSnapshot last;

  MetricsReporter(EngineMetrics metrics, Duration interval) {
    this.metrics = metrics;
    this.interval = interval;
    this.last = metrics.snapshot();
  }

  @Override
  public void run() {
    MetricsSnapshot now = metrics.snapshot();
    MetricsLine.format(now.minus(last), interval).ifPresent(log::info);
    last = now;
  }
}
