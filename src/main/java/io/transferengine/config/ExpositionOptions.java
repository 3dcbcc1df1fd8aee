// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.config.OptionGroup.OWN;

import java.util.List;

/** Where figures are shown; part of {@link Options#all()}. */
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

  /** What {@link #COUNTERS} is for no file. */
  public static final String NO_COUNTERS = "off";

  /** Where the file of figures is that {@code te top} reads. */
  public static final Option<String> COUNTERS =
      new Option<>(
              OWN,
              "TE_COUNTERS",
              "counters",
              Form.text("an absolute path of a folder, off, or empty for the default"),
              "")
          .defaultText("/tmp/transfer-engine-UID")
          .means(
              "The folder in which the engine keeps the file of figures that te top reads; off ="
                  + " none. It must belong to the user of the process, and nobody else may write"
                  + " there.");

  static final List<Option<?>> ALL = List.of(PORT, ADDRESS, COUNTERS);

  private ExpositionOptions() {}
}
