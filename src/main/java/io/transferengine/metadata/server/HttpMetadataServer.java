// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.SystemError;
import io.transferengine.metadata.HttpMetadataProtocol;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A metadata server for engines in C++, Python and Java. {@code ./te metadata-server} runs it, and
 * a test or an application can run it in its own process.
 *
 * <p>Records are in memory. {@code GET /metadata?key=K} gives 200 with the record, or 404. {@code
 * PUT} stores a record, replaces the one with that key, and gives 200. It gives 400 if the key is
 * that of the {@code rpc_meta} record of an engine that is alive. {@code DELETE} gives 200, also if
 * there is no such record; it keeps the record if its client got that 400 less than 10 s ago. An
 * empty key gives 400, a body above the limit 413, a full server 507. Keys are compared after
 * decoding. A record lives until it is deleted, unless its writer gives a time to live with {@code
 * X-TE-TTL-Seconds}. Java engines do so; C++ engines never refresh their records. {@code GET
 * /health} gives 200, {@code /metrics} gives figures for Prometheus, {@code /segments} the
 * registered engines as JSON.
 *
 * <p>There is no access control: every client that reaches the port can read, write and delete. The
 * limits for slow connections and for their number are system properties of the JDK, which reads
 * them once ({@code sun.net.httpserver.maxReqTime}, {@code jdk.httpserver.maxConnections}); the
 * command sets them. Thread-safe.
 */
public final class HttpMetadataServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HttpMetadataServer.class);

  /** Enough for 50,000 engines, which have two records each: more than any cluster has. */
  public static final int RECORDS_LIMIT = 100_000;

  /** Enough for a descriptor with more than 100,000 buffers. C++ engines read 32 MiB at most. */
  public static final int RECORD_LENGTH_MAX_BYTES = 16 << 20;

  /** For all records together: a quarter of a small JVM's heap. */
  public static final long BYTES_LIMIT = 256L << 20;

  /** For all bodies that are being received at once. Stored records do not count. */
  static final long RECEIVING_BYTES_LIMIT = 256L << 20;

  /**
   * How many connections the kernel holds until they are accepted; it may hold fewer
   * (net.core.somaxconn).
   */
  private static final int BACKLOG = 1024;

  /** How often the memory of expired records is freed. They are invisible at once. */
  private static final long SWEEP_SECONDS = 5;

  private final HttpServer server;
  private final boolean tls;
  private final ExecutorService executor;
  private final ScheduledExecutorService sweeper;

  private HttpMetadataServer(HttpServer server, boolean tls) {
    this.server = server;
    this.tls = tls;
    RecordTable records = new RecordTable(RECORDS_LIMIT, BYTES_LIMIT, System::nanoTime);
    executor = Executors.newVirtualThreadPerTaskExecutor();
    sweeper =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("te-metadata-sweeper").factory());
    try {
      begin(records);
    } catch (Throwable t) {
      close();
      throw t;
    }
  }

  private void begin(RecordTable records) {
    // Both made here, so that a sweep needs no memory for them.
    String what = "Sweeping expired records";
    Runnable sweep = records::sweep;
    var _ =
        sweeper.scheduleWithFixedDelay(
            () -> Anyway.run(log, what, sweep), SWEEP_SECONDS, SWEEP_SECONDS, TimeUnit.SECONDS);
    server.setExecutor(executor);
    server.createContext(
        "/", new RecordHandler(records, RECORD_LENGTH_MAX_BYTES, RECEIVING_BYTES_LIMIT));
    server.start();
  }

  /**
   * Starts a server.
   *
   * @param host the address to listen on; {@code 0.0.0.0} for all addresses
   * @param port 1 to 65535, or 0 for any free port
   * @return the server, which the caller closes
   * @throws TransferException SOCKET if it cannot listen there
   */
  public static HttpMetadataServer start(String host, int port) {
    Objects.requireNonNull(host, "host must not be null");
    return start(host, port, null);
  }

  /**
   * Starts a server that speaks TLS.
   *
   * @param host the address to listen on; {@code 0.0.0.0} for all addresses
   * @param port 1 to 65535, or 0 for any free port
   * @param tls the context with the server's certificate
   * @return the server, which the caller closes
   * @throws TransferException SOCKET if it cannot listen there
   */
  public static HttpMetadataServer startTls(String host, int port, SSLContext tls) {
    Objects.requireNonNull(host, "host must not be null");
    Objects.requireNonNull(tls, "tls must not be null");
    return start(host, port, tls);
  }

  private static HttpMetadataServer start(String host, int port, @Nullable SSLContext tls) {
    if (port < 0 || port > HostPort.PORT_MAX) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "Port " + port + " is not in 0..65535",
          "Give 0 for any free port");
    }
    try {
      InetSocketAddress address = new InetSocketAddress(InetAddress.getByName(host), port);
      if (tls == null) {
        return new HttpMetadataServer(HttpServer.create(address, BACKLOG), false);
      }
      HttpsServer made = HttpsServer.create(address, BACKLOG);
      made.setHttpsConfigurator(new HttpsConfigurator(tls));
      return new HttpMetadataServer(made, true);
    } catch (IOException e) {
      throw new TransferException(
          ErrorCode.SOCKET,
          "The metadata server cannot listen on " + host + ":" + port + ": " + SystemError.text(e),
          SystemError.remedy(e, "Choose another port, or 0 for any free port"),
          e);
    }
  }

  /** {@return the port that it listens on} */
  public int port() {
    return server.getAddress().getPort();
  }

  /**
   * {@return the connection string of this server for engines}
   *
   * @param host the name or address by which the engines reach this machine
   */
  public String connectionString(String host) {
    Objects.requireNonNull(host, "host must not be null");
    return URI.create(
            (tls ? "https://" : "http://")
                + new HostPort(host, port())
                + HttpMetadataProtocol.RECORDS_PATH)
        .toString();
  }

  /** {@return the address that it listens on} */
  public String host() {
    return Optional.ofNullable(server.getAddress().getAddress())
        .map(InetAddress::getHostAddress)
        .orElse(server.getAddress().getHostString());
  }

  /** Stops listening and forgets all records. Idempotent. */
  @Override
  public void close() {
    server.stop(0);
    executor.shutdownNow();
    sweeper.shutdownNow();
  }
}
