// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.ClientBuilder;
import io.netty.handler.ssl.SslContextBuilder;
import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.metadata.MetadataLimits;
import io.transferengine.metadata.MetadataUnavailableException;
import io.transferengine.metadata.TlsCheck;
import io.transferengine.metadata.TlsFiles;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.HostPort;
import java.io.File;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Makes jetcd's client when one is needed, and throws it away when etcd does not answer: what jetcd
 * does by itself then is to try again and again, with all of a processor (jetcd issue 1134), or to
 * go quiet for ever (issues 1209, 1227 and 1352). Thread-safe.
 */
final class EtcdClients implements AutoCloseable {
  private static final Duration CONNECT_TIMEOUT = Duration.ofMillis(1500);

  /** A connection that a firewall forgot is noticed after this and the next. */
  private static final Duration KEEP_ALIVE_TIME = Duration.ofSeconds(10);

  private static final Duration KEEP_ALIVE_TIMEOUT = Duration.ofSeconds(3);

  private final List<HostPort> endpoints;
  private final Settings settings;
  private final Optional<SSLContext> tls;
  private @Nullable Client client;
  private @Nullable ExecutorService executor;
  private boolean closed;

  EtcdClients(List<HostPort> endpoints, Settings settings) {
    this.endpoints = endpoints;
    this.settings = settings;
    // Says what is wrong with the files; gRPC would at the first call, in other words.
    tls =
        settings.get(MetadataOptions.ETCD_TLS)
            ? Optional.of(TlsFiles.context(settings))
            : Optional.empty();
  }

  /** Asks the first node that answers; one that hangs must not keep the others from serving. */
  private void checkCertificate(String description, SSLContext context, Duration timeout) {
    for (HostPort endpoint : shuffled()) {
      try {
        if (TlsCheck.handshake(description, endpoint, context, timeout)) {
          return;
        }
      } catch (MetadataUnavailableException e) {
        // The next one, then; the first call speaks of all of them.
      }
    }
  }

  /**
   * Makes a client and what it needs for a first call, which takes a second or two on a busy
   * machine: that is not etcd's time. Returns at once when nobody listens.
   */
  void prepare(String description, Duration timeout) {
    try {
      requireListener(timeout);
      if (tls.isPresent()) {
        checkCertificate(description, tls.get(), timeout);
      }
      EtcdFirstUse.load(get(timeout));
    } catch (IOException | IllegalStateException e) {
      // The first call says so.
    }
  }

  /** {@return the endpoints in words} */
  String description() {
    return endpoints.stream().map(HostPort::toString).collect(Collectors.joining(","));
  }

  /**
   * {@return the client} Before one is made, somebody must be seen to listen: jetcd needs no try
   * for that, and warns about each.
   *
   * @throws IOException when nobody listens
   * @throws IllegalStateException after {@link #close}
   */
  Client get(Duration timeout) throws IOException {
    synchronized (this) {
      Client known = client;
      if (known != null) {
        return known;
      }
    }
    requireListener(timeout);
    synchronized (this) {
      if (closed) {
        throw new IllegalStateException("the client of etcd was closed");
      }
      Client known = client;
      if (known == null) {
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        executor = threads;
        known = make(threads);
        client = known;
      }
      return known;
    }
  }

  private void requireListener(Duration timeout) throws IOException {
    long nanos = Math.max(1, Math.min(timeout.toNanos(), CONNECT_TIMEOUT.toNanos()));
    int millis = (int) TimeUnit.NANOSECONDS.toMillis(nanos) + 1;
    // Not closed, which would wait: a name service may take longer than we have.
    ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    try {
      List<Callable<Boolean>> attempts =
          endpoints.stream()
              .<Callable<Boolean>>map(
                  endpoint ->
                      () -> {
                        try (Socket socket = new Socket()) {
                          socket.connect(
                              new InetSocketAddress(endpoint.host(), endpoint.port()), millis);
                          return true;
                        }
                      })
              .toList();
      boolean _ = threads.invokeAny(attempts, millis, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new IOException("nobody accepts a connection in time", e);
    } catch (ExecutionException e) {
      throw new IOException(
          e.getCause() == null ? e.toString() : String.valueOf(e.getCause().getMessage()), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("the thread was interrupted");
    } finally {
      threads.shutdownNow();
    }
  }

  private Client make(ExecutorService threads) {
    boolean encrypted = tls.isPresent();
    ClientBuilder builder =
        Client.builder()
            .endpoints(
                shuffled().stream()
                    .map(endpoint -> uri(encrypted ? "https://" : "http://", endpoint))
                    .toList())
            .executorService(threads)
            .connectTimeout(CONNECT_TIMEOUT)
            .keepaliveTime(KEEP_ALIVE_TIME)
            .keepaliveTimeout(KEEP_ALIVE_TIMEOUT)
            .maxInboundMessageSize(MetadataLimits.VALUE_LENGTH_MAX_BYTES)
            .retryMaxAttempts(0)
            .waitForReady(false);
    String user = settings.get(MetadataOptions.ETCD_USERNAME);
    if (!user.isEmpty()) {
      builder.user(bytes(user)).password(bytes(settings.get(MetadataOptions.ETCD_PASSWORD)));
    }
    if (encrypted) {
      try {
        builder.sslContext(this::useFiles);
      } catch (SSLException e) {
        throw new ConfigurationException(
            MetadataOptions.ETCD_TLS.environmentName(),
            "true",
            "TE_METADATA_TLS_CA, _CERT and _KEY that TLS can use (" + e.getMessage() + ")");
      }
    }
    return builder.build();
  }

  /** A name that {@link URI} does not take for a host, one with an underscore, by its address. */
  private static URI uri(String scheme, HostPort endpoint) {
    URI named = URI.create(scheme + endpoint);
    if (named.getHost() != null) {
      return named;
    }
    try {
      String address = InetAddress.getByName(endpoint.host()).getHostAddress();
      return URI.create(scheme + new HostPort(address, endpoint.port()));
    } catch (UnknownHostException e) {
      return named;
    }
  }

  /** Each new client begins elsewhere: one node that hangs must not be everybody's first. */
  private List<HostPort> shuffled() {
    List<HostPort> order = new ArrayList<>(endpoints);
    Collections.shuffle(order, ThreadLocalRandom.current());
    return order;
  }

  private void useFiles(SslContextBuilder tls) {
    String ca = settings.get(MetadataOptions.TLS_CA);
    String certificate = settings.get(MetadataOptions.TLS_CERTIFICATE);
    if (!ca.isEmpty()) {
      tls.trustManager(new File(ca));
    }
    if (!certificate.isEmpty()) {
      tls.keyManager(new File(certificate), new File(settings.get(MetadataOptions.TLS_KEY)));
    }
  }

  private static ByteSequence bytes(String text) {
    return ByteSequence.from(text, StandardCharsets.UTF_8);
  }

  /** Lets go of a client that did not serve, unless it was let go of already. */
  @SuppressWarnings("ReferenceEquality") // this very client
  synchronized void discard(Client failed) {
    if (client == failed) {
      letGo();
    }
  }

  private void letGo() {
    Client known = client;
    ExecutorService threads = executor;
    client = null;
    executor = null;
    if (known != null) {
      known.close();
    }
    if (threads != null) {
      threads.shutdownNow();
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    letGo();
  }
}
