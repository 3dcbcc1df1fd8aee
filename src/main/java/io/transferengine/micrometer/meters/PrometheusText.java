// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.transferengine.exposition.MetricsText;
import java.nio.charset.StandardCharsets;

/** An engine's meters in a registry of their own, as Prometheus reads them. Thread-safe. */
final class PrometheusText implements MetricsText {
  private final PrometheusMeterRegistry registry;
  private final EngineMeters meters;

  private PrometheusText(PrometheusMeterRegistry registry, EngineMeters meters) {
    this.registry = registry;
    this.meters = meters;
  }

  static PrometheusText of(Source engine) {
    ReportedSpan span = new ReportedSpan();
    PrometheusMeterRegistry registry =
        new PrometheusMeterRegistry(
            PrometheusConfig.DEFAULT, new PrometheusRegistry(), Clock.SYSTEM, span);
    EngineMeters meters = new EngineMeters(engine, Tags.empty(), span);
    try {
      meters.bindTo(registry);
      return new PrometheusText(registry, meters);
    } catch (Throwable t) {
      meters.close();
      registry.close();
      throw t;
    }
  }

  @Override
  public String contentType(Form form) {
    return switch (form) {
      case PLAIN -> "text/plain; version=0.0.4; charset=utf-8";
      case OPEN_METRICS -> "application/openmetrics-text; version=1.0.0; charset=utf-8";
    };
  }

  @Override
  public byte[] now(Form form) {
    meters.catchUp();
    return registry.scrape(contentType(form)).getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    meters.close();
    registry.close();
  }
}
