// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.ExpositionOptions;
import io.transferengine.config.Settings;
import io.transferengine.events.EngineListener;
import io.transferengine.exposition.MetricsPort;
import io.transferengine.exposition.MetricsText;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The port at which an engine's figures are served, and what makes their text. Thread-safe. */
public final class MetricsEndpoint implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MetricsEndpoint.class);

  private final MetricsText text;
  private final MetricsPort port;

  private MetricsEndpoint(MetricsText text, MetricsPort port) {
    this.text = text;
    this.port = port;
  }

  /**
   * {@return the port; empty if {@code TE_METRICS_PORT} asks for none}
   *
   * @throws TransferException NOT_IMPLEMENTED if a library is missing; SOCKET if the port cannot be
   *     bound
   */
  static Optional<MetricsEndpoint> open(
      Settings settings,
      Supplier<MetricsSnapshot> figures,
      EngineMetrics metrics,
      TransferEvents events) {
    int wanted = settings.get(ExpositionOptions.PORT);
    if (wanted < 0) {
      return Optional.empty();
    }
    MetricsText text = provider().of(source(figures, events));
    try {
      MetricsPort port =
          new MetricsPort(
              new InetSocketAddress(
                  InetAddress.getByName(settings.get(ExpositionOptions.ADDRESS)), wanted),
              text,
              metrics);
      log.info(
          "Figures are at http://{}:{}/metrics",
          port.address().getHostString(),
          port.address().getPort());
      return Optional.of(new MetricsEndpoint(text, port));
    } catch (IOException e) {
      text.close();
      throw new TransferException(
          ErrorCode.SOCKET,
          "Figures cannot be served at %s:%d: %s"
              .formatted(settings.get(ExpositionOptions.ADDRESS), wanted, e.getMessage()),
          "Choose another port or address (%s, %s); 0 takes any free port"
              .formatted(ExpositionOptions.PORT, ExpositionOptions.ADDRESS),
          e);
    } catch (Throwable t) {
      text.close();
      throw t;
    }
  }

  private static MetricsText.Provider provider() {
    List<MetricsText.Provider> all =
        Providers.of(MetricsText.Provider.class, MetricsEndpoint.class.getClassLoader());
    Optional<String> missing =
        all.isEmpty()
            ? Optional.of("the library has lost a file in META-INF/services")
            : all.getFirst().unavailabilityCause();
    if (missing.isPresent()) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          ExpositionOptions.PORT + " asks for figures over HTTP, but " + missing.get(),
          "Add that library, or unset the option");
    }
    return all.getFirst();
  }

  private static MetricsText.Source source(
      Supplier<MetricsSnapshot> figures, TransferEvents events) {
    return new MetricsText.Source() {
      @Override
      public MetricsSnapshot metrics() {
        return figures.get();
      }

      @Override
      public MetricsText.Listening listen(EngineListener listener) {
        events.add(listener);
        return () -> events.remove(listener);
      }
    };
  }

  /** {@return where it listens} */
  public InetSocketAddress address() {
    return port.address();
  }

  /** Ends it. Idempotent. */
  @Override
  public void close() {
    try {
      port.close();
    } finally {
      text.close();
    }
  }
}
