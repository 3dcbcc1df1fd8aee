// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

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
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
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
 * empty key gives 400, a body above the limit 413, a full server 507, as does a writer that has
 * half of its room. Keys are compared after decoding. A record lives until it is deleted, unless
 * its writer gives a time to live with {@code X-TE-TTL-Seconds}. Java engines do so; C++ engines
 * never refresh their records. {@code GET /health} gives 200, {@code /metrics} gives figures for
 * Prometheus, {@code /segments} the registered engines as JSON.
 *
 * <p>Without {@link ServerSecurity} there is no access control: every client that reaches the port
 * can read, write and delete. With it, clients prove who they are, and a record is changed only by
 * who wrote it (403 else), unless its engine is dead. At most {@value #CONNECTIONS_LIMIT}
 * connections are open, half of them from one address; a request has 30 s, and its answer as much
 * again. Thread-safe.
 */
public final class HttpMetadataServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HttpMetadataServer.class);

  /**
   * Enough for 50,000 engines, which have two records each: more than any cluster has. One writer
   * gets half of them.
   */
  public static final int RECORDS_LIMIT = 100_000;

  /** Enough for a descriptor with more than 100,000 buffers. C++ engines read 32 MiB at most. */
  public static final int RECORD_LENGTH_MAX_BYTES = 16 << 20;

  /** For all records together: a quarter of a small JVM's heap. One writer gets half of it. */
  public static final long BYTES_LIMIT = 256L << 20;

  /**
   * For all bodies that are being received at once, half of it for one address. Stored records do
   * not count.
   */
  static final long RECEIVING_BYTES_LIMIT = 256L << 20;

  /** For the heads of requests under way, without a little of each; half of it for one address. */
  static final long HEADS_BYTES_LIMIT = 64L << 20;

  /** For lists that are made or sent, without a little of each; half of it for one address. */
  static final long ANSWERS_BYTES_LIMIT = 256L << 20;

  /** For connections; an engine holds one or two. */
  public static final int CONNECTIONS_LIMIT = 10_000;

  /** How often the memory of expired records is freed. They are invisible at once. */
  private static final long SWEEP_SECONDS = 5;

  /** How often files are looked at. */
  private static final long REFRESH_SECONDS = 1;

  private final HttpPort port;
  private final boolean isSecure;
  private final ScheduledExecutorService housekeeping;

  private HttpMetadataServer(InetSocketAddress address, Access access) throws IOException {
    isSecure = access.tls().isPresent();
    RecordTable records = new RecordTable(RECORDS_LIMIT, BYTES_LIMIT, System::nanoTime);
    Refusals refusals = new Refusals();
    RequestMemory memory =
        RequestMemory.of(HEADS_BYTES_LIMIT, RECEIVING_BYTES_LIMIT, ANSWERS_BYTES_LIMIT);
    RecordHandler handler =
        new RecordHandler(records, RECORD_LENGTH_MAX_BYTES, memory, access, refusals);
    port = new HttpPort(address, CONNECTIONS_LIMIT, handler, access.tls(), refusals, memory);
    housekeeping =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("te-metadata-sweeper").factory());
    try {
      repeat("Sweeping expired records", SWEEP_SECONDS, records::sweep);
      repeat("Reading changed files", REFRESH_SECONDS, access::refresh);
      port.start();
    } catch (Throwable t) {
      close();
      throw t;
    }
  }

  /** The text and the task are made here, so that a turn needs no memory for them. */
  private void repeat(String what, long seconds, Runnable task) {
    var _ =
        housekeeping.scheduleWithFixedDelay(
            () -> Anyway.run(log, what, task), seconds, seconds, TimeUnit.SECONDS);
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
    return start(host, port, Access.open());
  }

  /**
   * Starts a server that not everybody may use.
   *
   * @param host the address to listen on; {@code 0.0.0.0} for all addresses
   * @param port 1 to 65535, or 0 for any free port
   * @param security who may use it, and how
   * @return the server, which the caller closes
   * @throws TransferException SOCKET if it cannot listen there
   * @throws io.transferengine.transfer.ConfigurationException for what is wrong with its files
   */
  public static HttpMetadataServer start(String host, int port, ServerSecurity security) {
    Objects.requireNonNull(host, "host must not be null");
    Objects.requireNonNull(security, "security must not be null");
    return start(host, port, Access.of(security));
  }

  /**
   * Starts a server that speaks TLS 1.3 and wants no certificates of clients.
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
    return start(host, port, Access.of(tls));
  }

  private static HttpMetadataServer start(String host, int port, Access access) {
    if (port < 0 || port > HostPort.PORT_MAX) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "Port " + port + " is not in 0..65535",
          "Give 0 for any free port");
    }
    try {
      return new HttpMetadataServer(
          new InetSocketAddress(InetAddress.getByName(host), port), access);
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
    return port.address().getPort();
  }

  /**
   * {@return the connection string of this server for engines}
   *
   * @param host the name or address by which the engines reach this machine
   */
  public String connectionString(String host) {
    Objects.requireNonNull(host, "host must not be null");
    return URI.create(
            (isSecure ? "https://" : "http://")
                + new HostPort(host, port())
                + HttpMetadataProtocol.RECORDS_PATH)
        .toString();
  }

  /** {@return the address that it listens on} */
  public String host() {
    return port.address().getAddress().getHostAddress();
  }

  /** Stops listening and forgets all records. Idempotent. */
  @Override
  public void close() {
    port.close();
    housekeeping.shutdownNow();
  }
}
