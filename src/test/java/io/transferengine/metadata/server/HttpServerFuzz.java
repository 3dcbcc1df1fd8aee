// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static io.transferengine.fuzz.Oracle.require;

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
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Requests to our metadata server, any bytes on a connection that then ends. */
public final class HttpServerFuzz implements FuzzTarget {
  private static final int RECORDS_MAX = 64;
  private static final int RECORD_BYTES_MAX = 4096;
  private static final int TABLE_BYTES_MAX = 64 << 10;
  private static final int LIMIT_MILLIS = 20_000;

  /** The server would look whether such an owner is alive: no strangers are asked here. */
  private static final Pattern OWNER_ELSEWHERE =
      Pattern.compile("ip_or_host_name(?!\":\"127\\.0\\.0\\.1\")");

  private final HttpPort server;
  private volatile RecordTable records = newTable();
  private volatile RecordHandler handler = newHandler();
  private volatile @Nullable Throwable fault;

  /** Starts a server. */
  public HttpServerFuzz() {
    try {
      server =
          new HttpPort(
              new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
              128,
              this::answer,
              Optional.empty(),
              new Refusals(),
              newMemory());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.start();
  }

  private static RecordTable newTable() {
    return new RecordTable(RECORDS_MAX, TABLE_BYTES_MAX, System::nanoTime);
  }

  private static RequestMemory newMemory() {
    return RequestMemory.of(1 << 20, 1 << 20, 1 << 20);
  }

  private RecordHandler newHandler() {
    return new RecordHandler(records, RECORD_BYTES_MAX, newMemory(), Access.open(), new Refusals());
  }

  private HttpAnswer answer(HttpRequest request) throws IOException {
    try {
      return handler.answer(request);
    } catch (RuntimeException | Error e) {
      fault = e;
      throw e;
    }
  }

  @Override
  public void run(byte[] input) throws IOException {
    if (OWNER_ELSEWHERE.matcher(new String(input, StandardCharsets.ISO_8859_1)).find()) {
      return;
    }
    records = newTable();
    handler = newHandler();
    fault = null;
    try (Socket client = new Socket(InetAddress.getLoopbackAddress(), server.address().getPort())) {
      client.setSoTimeout(LIMIT_MILLIS);
      client.getOutputStream().write(input);
      client.shutdownOutput();
      InputStream answers = client.getInputStream();
      long _ = answers.transferTo(OutputStream.nullOutputStream());
    } catch (SocketTimeoutException e) {
      throw new AssertionError("a connection whose client has gone is not given up", e);
    } catch (IOException e) {
      // Refused by a reset.
    }
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
    server.close();
  }
}
