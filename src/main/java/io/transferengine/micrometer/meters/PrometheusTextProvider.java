// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import io.transferengine.exposition.MetricsText;
import io.transferengine.metadata.OptionalLibrary;
import java.util.Optional;

/** Makes texts for Prometheus, if Micrometer's registry for it is on the class path. */
public final class PrometheusTextProvider implements MetricsText.Provider {
  /** For {@link java.util.ServiceLoader}. */
  public PrometheusTextProvider() {}

  @Override
  public Optional<String> unavailabilityCause() {
    // The second is never missing without the first, but must be readable, too.
    return OptionalLibrary.missing(
            "io.micrometer.prometheusmetrics.PrometheusMeterRegistry",
            "io.micrometer:micrometer-registry-prometheus:1.17.2")
        .or(
            () ->
                OptionalLibrary.missing(
                    "io.micrometer.core.instrument.MeterRegistry",
                    "io.micrometer:micrometer-core:1.17.2"));
  }

  @Override
  public MetricsText of(MetricsText.Source engine) {
    return PrometheusText.of(engine);
  }
}
