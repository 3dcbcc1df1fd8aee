// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.ExpositionOptions;
import io.transferengine.config.Settings;
import io.transferengine.events.EngineListener;
import io.transferengine.exposition.MetricsPort;
import io.transferengine.exposition.MetricsText;
import io.transferengine.logging.Anyway;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The port at which an engine's figures are served, and what makes their text. Thread-safe. */
public final class MetricsEndpoint implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MetricsEndpoint.class);

  /** Not where they are used: a text takes memory when that is run for the first time. */
  private static final String PORT = "Closing the port of the figures";

  private static final String TEXT = "Closing the figures' text";

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
    MetricsText text = text(figures, events);
    @Nullable MetricsPort port = null;
    boolean done = false;
    try {
      port =
          new MetricsPort(
              new InetSocketAddress(
                  InetAddress.getByName(settings.get(ExpositionOptions.ADDRESS)), wanted),
              text,
              metrics);
      InetSocketAddress at = port.address();
      log.info(
          "Figures are at http://{}/metrics",
          new HostPort(at.getAddress().getHostAddress(), at.getPort()));
      Optional<MetricsEndpoint> made = Optional.of(new MetricsEndpoint(text, port));
      done = true;
      return made;
    } catch (IOException e) {
      throw new TransferException(
          ErrorCode.SOCKET,
          "Figures cannot be served at %s:%d: %s"
              .formatted(settings.get(ExpositionOptions.ADDRESS), wanted, e.getMessage()),
          "Choose another port or address (%s, %s); 0 takes any free port"
              .formatted(ExpositionOptions.PORT, ExpositionOptions.ADDRESS),
          e);
    } finally {
      if (!done) {
        close(port, text);
      }
    }
  }

  private static MetricsText text(Supplier<MetricsSnapshot> figures, TransferEvents events) {
    try {
      return provider().of(source(figures, events));
    } catch (LinkageError e) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          ExpositionOptions.PORT + " asks for figures over HTTP, but a library is incomplete: " + e,
          "Put io.micrometer:micrometer-registry-prometheus on the class path with all that it"
              + " depends on, or unset the option",
          e);
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

  /** Ends it. Throws nothing. Idempotent. */
  @Override
  public void close() {
    close(port, text);
  }

  private static void close(@Nullable MetricsPort port, MetricsText text) {
    try {
      if (port != null) {
        port.close();
      }
    } catch (Throwable t) {
      Anyway.failed(log, PORT, t);
    }
    try {
      text.close();
    } catch (Throwable t) {
      Anyway.failed(log, TEXT, t);
    }
  }
}
