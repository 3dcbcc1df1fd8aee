// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static io.transferengine.fuzz.Oracle.require;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.transferengine.fuzz.FuzzTarget;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Requests to our metadata server, any bytes on a connection that then ends: the JDK takes them
 * apart, and what it makes of them is handled.
 */
public final class HttpServerFuzz implements FuzzTarget {
  private static final int RECORDS_MAX = 64;
  private static final int RECORD_BYTES_MAX = 4096;
  private static final int TABLE_BYTES_MAX = 64 << 10;
  private static final int LIMIT_MILLIS = 5_000;

  /** The server would look whether such an owner is alive: no strangers are asked here. */
  private static final Pattern OWNER_ELSEWHERE =
      Pattern.compile("ip_or_host_name(?!\":\"127\\.0\\.0\\.1\")");

  private static final long STEP_NANOS = 1_000_000;

  /** Together with the limit above less than what counts as a hang. */
  private static final int STEPS_MAX = 15_000;

  private final HttpServer server;
  private volatile RecordTable records = newTable();
  private volatile RecordHandler handler = new RecordHandler(records, RECORD_BYTES_MAX, 1 << 20);
  private volatile @Nullable Throwable fault;
  private volatile boolean handling;

  /** Starts a server. */
  public HttpServerFuzz() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 128);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.createContext("/", this::handle);
    server.start();
  }

  private static RecordTable newTable() {
    return new RecordTable(RECORDS_MAX, TABLE_BYTES_MAX, System::nanoTime);
  }

  private void handle(HttpExchange exchange) throws IOException {
    handling = true;
    try {
      handler.handle(exchange);
    } catch (RuntimeException | Error e) {
      fault = e;
      throw e;
    } finally {
      handling = false;
    }
  }

  @Override
  public void run(byte[] input) throws IOException {
    if (OWNER_ELSEWHERE.matcher(new String(input, StandardCharsets.ISO_8859_1)).find()) {
      return;
    }
    records = newTable();
    handler = new RecordHandler(records, RECORD_BYTES_MAX, 1 << 20);
    fault = null;
    boolean answered = true;
    try (Socket client =
        new Socket(InetAddress.getLoopbackAddress(), server.getAddress().getPort())) {
      client.setSoTimeout(LIMIT_MILLIS);
      client.getOutputStream().write(input);
      client.shutdownOutput();
      InputStream answers = client.getInputStream();
      long _ = answers.transferTo(OutputStream.nullOutputStream());
    } catch (SocketTimeoutException e) {
      // The JDK now and then lets a half-closed connection lie, for half a minute.
      answered = false;
    } catch (IOException e) {
      // Refused by a reset.
    }
    for (int i = 0; !answered && handling && i < STEPS_MAX; i++) {
      LockSupport.parkNanos(STEP_NANOS);
    }
    require(answered || !handling, "a request is not given up though its client is gone");
    Throwable thrown = fault;
    if (thrown != null) {
      throw new AssertionError("the handler threw", thrown);
    }
    require(
        records.bytes() <= TABLE_BYTES_MAX && records.count() <= RECORDS_MAX,
        "the table is too full");
    for (String key : records.keys()) {
      require(
          records.get(key).orElseThrow().value.length <= RECORD_BYTES_MAX, "a record is too long");
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
