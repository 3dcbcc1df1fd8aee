// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.config.ExpositionOptions;
import io.transferengine.config.Option;
import io.transferengine.config.Options;

/** What is seen of an engine from outside, in {@link EngineConfig.Builder}. Not thread-safe. */
abstract sealed class ObservationBuilder permits TlsBuilder {
  ObservationBuilder() {}

  /** Sets one option, and returns the builder. */
  abstract <T> EngineConfig.Builder set(Option<T> option, T value);

  /**
   * Logs a line of throughput and latency for every interval with traffic. ({@code MC_TE_METRIC})
   *
   * @param value whether
   * @return this builder
   */
  public EngineConfig.Builder metrics(boolean value) {
    return set(Options.METRIC, value);
  }

  /**
   * The interval of {@code MC_TE_METRIC}'s line. ({@code MC_TE_METRIC_INTERVAL_SECONDS})
   *
   * @param value a whole number of seconds, 1 to 2147483647
   * @return this builder
   */
  public EngineConfig.Builder metricsIntervalSeconds(int value) {
    return set(Options.METRIC_INTERVAL, value);
  }

  /**
   * Logs what has happened to each transfer that takes this long, and where its time went; at most
   * one a second; 0 = off. ({@code TE_SLOW_TRANSFER_MILLIS})
   *
   * @param value a whole number of milliseconds, 0 to 2147483647
   * @return this builder
   */
  public EngineConfig.Builder slowTransferMillis(int value) {
    return set(Options.SLOW_TRANSFER, value);
  }

  /**
   * Serves the engine's figures for Prometheus at http://HOST:PORT/metrics; 0 = any free port,
   * which the log names. Needs io.micrometer:micrometer-registry-prometheus on the class path.
   * ({@code TE_METRICS_PORT})
   *
   * @param value a whole number, -1 to 65535
   * @return this builder
   */
  public EngineConfig.Builder metricsPort(int value) {
    return set(ExpositionOptions.PORT, value);
  }

  /**
   * The address of that port. Whoever reaches it can read the figures: they name no peers, but say
   * how much is moved. ({@code TE_METRICS_ADDRESS})
   *
   * @param value an IP address (IPv6 without brackets) or a host name, without a port
   * @return this builder
   */
  public EngineConfig.Builder metricsAddress(String value) {
    return set(ExpositionOptions.ADDRESS, value);
  }

  /**
   * The folder in which the engine keeps the file of figures that te top reads; off = none. It must
   * belong to the user of the process, and nobody else may write there. ({@code TE_COUNTERS})
   *
   * @param value an absolute path of a folder, off, or empty for the default
   * @return this builder
   */
  public EngineConfig.Builder counters(String value) {
    return set(ExpositionOptions.COUNTERS, value);
  }
}
