// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.ClientBuilder;
import io.netty.handler.ssl.SslContextBuilder;
import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.metadata.TlsCheck;
import io.transferengine.metadata.TlsFiles;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.net.WaitingThreads;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
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
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Creates jetcd's client when it is needed, and discards it when etcd does not answer. Otherwise
 * jetcd would try again and again, with all of a processor (jetcd issue 1134), or be silent for
 * ever (issues 1209, 1227 and 1352). Thread-safe.
 */
final class EtcdClients implements AutoCloseable {
  private static final Duration CONNECT_TIMEOUT = Duration.ofMillis(1500);

  /**
   * A connection that a firewall forgot is noticed after this time and {@link #KEEP_ALIVE_TIMEOUT}.
   */
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
    // Reports wrong files now. gRPC would report them at the first call, in other words.
    tls =
        settings.get(MetadataOptions.ETCD_TLS)
            ? Optional.of(TlsFiles.context(settings))
            : Optional.empty();
  }

  /**
   * Checks the certificate of the first node that answers. A node that hangs must not block the
   * others.
   */
  private void checkCertificate(String description, SSLContext context, Duration timeout) {
    for (HostPort endpoint : shuffled()) {
      try {
        if (TlsCheck.handshake(description, endpoint, context, timeout)) {
          return;
        }
      } catch (TransferException e) {
        if (e.code() != ErrorCode.METADATA_UNAVAILABLE) {
          throw e;
        }
        // Try the next node. If none answers, the first call says so.
      }
    }
  }

  /**
   * Creates a client and loads the classes of a first call. On a busy machine this takes a second
   * or two, which must not count as etcd's time. Returns at once if no node listens.
   */
  void prepare(String description, Duration timeout) {
    try {
      requireListener(timeout);
      if (tls.isPresent()) {
        checkCertificate(description, tls.get(), timeout);
      }
      EtcdFirstUse.load(get(timeout));
    } catch (IOException | IllegalStateException e) {
      // The first call will report it.
    }
  }

  /** {@return the endpoints in words} */
  String description() {
    return endpoints.stream().map(HostPort::toString).collect(Collectors.joining(","));
  }

  /**
   * {@return the client} Before it is created, a plain socket must have found a node that listens,
   * because jetcd warns about each attempt that fails.
   *
   * @throws IOException if no node listens
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
        ExecutorService threads = WaitingThreads.pool("te-etcd-");
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
    // It is not closed, because that would wait for the name service, which may be slow.
    ExecutorService threads = WaitingThreads.pool("te-etcd-");
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
      throw new IOException("no node accepts a connection in time", e);
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
            .maxInboundMessageSize(MetadataStore.VALUE_LENGTH_MAX_BYTES)
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

  /**
   * {@return the URI of a node} {@link URI} does not accept a host name with an underscore: its
   * address is taken instead.
   */
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

  /** Each new client begins with a random node: a node that hangs must not be the first for all. */
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

  /** Discards a client that failed, unless that was done already. */
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
