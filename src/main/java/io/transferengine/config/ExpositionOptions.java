// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.config.OptionGroup.OWN;

import java.util.List;

/** Where figures are served; part of {@link Options#all()}. */
public final class ExpositionOptions {
  private static final int PORT_MAX = 65_535;

  /** The port. */
  public static final Option<Integer> PORT =
      new Option<>(OWN, "TE_METRICS_PORT", "metricsPort", Form.integer(-1, PORT_MAX), -1)
          .defaultText("-1, none")
          .means(
              "Serves the engine's figures for Prometheus at http://HOST:PORT/metrics; 0 = any free"
                  + " port, which the log names. Needs"
                  + " io.micrometer:micrometer-registry-prometheus on the class path.");

  /** The address. */
  public static final Option<String> ADDRESS =
      new Option<>(OWN, "TE_METRICS_ADDRESS", "metricsAddress", Form.host(), "127.0.0.1")
          .means(
              "The address of that port. Whoever reaches it can read the figures: they name no"
                  + " peers, but say how much is moved.");

  static final List<Option<?>> ALL = List.of(PORT, ADDRESS);

  private ExpositionOptions() {}
}
