// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import io.transferengine.metadata.HttpMetadataProtocol;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.RpcMetaRecord;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;

/** Answers the requests to a server. Each call has a thread of its own. */
final class RecordHandler implements HttpHandler {
  /** Much longer than the keys of segments, which are host names and ports. */
  private static final int KEY_LENGTH_MAX = 4096;

  /** A day, as the limit of the engines' option. */
  private static final int TTL_SECONDS_MAX = 86_400;

  private static final int CREATED_FULL = 507;
  private static final int TOO_LARGE = 413;
  private static final int METHOD_NOT_ALLOWED = 405;
  private static final int BUSY = 503;
  private static final int KIB = 1 << 10;

  private static final String TEXT = "text/plain; charset=utf-8";
  private static final String JSON = "application/json; charset=utf-8";

  /** The part that only the keys of engines' addresses contain. */
  private static final String RPC_META = "rpc_meta";

  private final OwnerProbe owners = new OwnerProbe();
  private final RecordTable records;
  private final LongAdder requests = new LongAdder();
  private final LongAdder refusals = new LongAdder();
  private final RefusedClaims claims = new RefusedClaims(System::nanoTime);
  private final LongAdder deletesRefused = new LongAdder();

  /** Bodies under way, in KiB. */
  private final Semaphore receiving;

  private final int recordMaxBytes;

  /** Ends a request with a status that is not 200. */
  private static final class Refusal extends Exception {
    private static final long serialVersionUID = 1L;
    private final int status;

    Refusal(int status, String text) {
      super(text, null, false, false);
      this.status = status;
    }
  }

  /**
   * Creates the handler of one server.
   *
   * @param recordMaxBytes the length of the longest record
   * @param receivingMaxBytes the most bytes of bodies that may be received at once
   */
  RecordHandler(RecordTable records, int recordMaxBytes, long receivingMaxBytes) {
    this.records = records;
    this.recordMaxBytes = recordMaxBytes;
    this.receiving = new Semaphore((int) (receivingMaxBytes / KIB));
  }

  @Override
  public void handle(HttpExchange exchange) throws IOException {
    requests.increment();
    try (exchange) {
      exchange.getResponseHeaders().set(HttpMetadataProtocol.SERVER_HEADER, "1");
      try {
        route(exchange);
      } catch (Refusal e) {
        refusals.increment();
        answer(exchange, e.status, TEXT, String.valueOf(e.getMessage()));
      }
    }
  }

  private void route(HttpExchange exchange) throws IOException, Refusal {
    String path = exchange.getRequestURI().getPath();
    if (path.equals(HttpMetadataProtocol.RECORDS_PATH)) {
      record(exchange);
      return;
    }
    if (!exchange.getRequestMethod().equals("GET")) {
      throw new Refusal(METHOD_NOT_ALLOWED, "only GET is served here");
    }
    switch (path) {
      case "/health" -> answer(exchange, HttpMetadataProtocol.OK, TEXT, "ok");
      case "/metrics" -> answer(exchange, HttpMetadataProtocol.OK, TEXT, metrics());
      case "/segments" ->
          answer(exchange, HttpMetadataProtocol.OK, JSON, SegmentList.json(records));
      case HttpMetadataProtocol.KEYS_PATH -> {
        String prefix = parameter(exchange, "prefix").orElse("");
        answer(
            exchange,
            HttpMetadataProtocol.OK,
            TEXT,
            records.keys().stream()
                .filter(key -> key.startsWith(prefix) && key.indexOf('\n') < 0)
                .collect(Collectors.joining("\n")));
      }
      default -> throw new Refusal(HttpMetadataProtocol.NOT_FOUND, "nothing is served here");
    }
  }

  private void record(HttpExchange exchange) throws IOException, Refusal {
    String key = parameter(exchange, "key").orElse("");
    if (key.isEmpty() || key.length() > KEY_LENGTH_MAX) {
      throw new Refusal(
          HttpMetadataProtocol.BAD_REQUEST,
          key.isEmpty() ? "the key is empty" : "the key is longer than " + KEY_LENGTH_MAX);
    }
    switch (exchange.getRequestMethod()) {
      case "GET" -> {
        RecordTable.Entry entry =
            records
                .get(key)
                .orElseThrow(
                    () -> new Refusal(HttpMetadataProtocol.NOT_FOUND, "metadata not found"));
        exchange.getResponseHeaders().set("ETag", entry.entityTag);
        answer(exchange, HttpMetadataProtocol.OK, "application/json", entry.value);
      }
      case "PUT" -> put(exchange, key);
      case "POST" -> {
        requireDone(records.touch(key, ttlSeconds(exchange), condition(exchange)));
        answer(exchange, HttpMetadataProtocol.OK, TEXT, "metadata kept");
      }
      case "DELETE" -> delete(exchange, key);
      default -> throw new Refusal(METHOD_NOT_ALLOWED, "GET, PUT, POST and DELETE are served here");
    }
  }

  private void delete(HttpExchange exchange, String key) throws IOException, Refusal {
    RecordTable.Condition condition = condition(exchange);
    if (condition.equals(RecordTable.Condition.NONE) && claims.take(client(exchange), key)) {
      deletesRefused.increment();
      // A C++ engine knows no other answer than 200.
      answer(
          exchange, HttpMetadataProtocol.OK, TEXT, "metadata kept: it belongs to another engine");
      return;
    }
    RecordTable.Outcome outcome = records.remove(key, condition);
    if (outcome != RecordTable.Outcome.MISSING) {
      requireDone(outcome);
    }
    answer(exchange, HttpMetadataProtocol.OK, TEXT, "metadata deleted");
  }

  private static InetAddress client(HttpExchange exchange) {
    return exchange.getRemoteAddress().getAddress();
  }

  private void put(HttpExchange exchange, String key) throws IOException, Refusal {
    int ttlSeconds = ttlSeconds(exchange);
    RecordTable.Condition condition = condition(exchange);
    long announced = announcedLength(exchange.getRequestHeaders());
    if (announced > recordMaxBytes) {
      throw tooLarge();
    }
    long most = announced < 0 ? recordMaxBytes : announced;
    int permits = (int) (most / KIB) + 1;
    if (!receiving.tryAcquire(permits)) {
      throw new Refusal(BUSY, "too much is being received at once");
    }
    byte[] value;
    try (InputStream body = exchange.getRequestBody()) {
      value = body.readNBytes(recordMaxBytes + 1);
    } finally {
      receiving.release(permits);
    }
    if (value.length > recordMaxBytes) {
      throw tooLarge();
    }
    if (key.contains(RPC_META) && condition.equals(RecordTable.Condition.NONE)) {
      Optional<RecordTable.Entry> present = records.get(key);
      if (present.isPresent() && Arrays.equals(present.get().value, value)) {
        answer(exchange, HttpMetadataProtocol.OK, TEXT, "metadata unchanged");
        return;
      }
      if (present.isPresent()) {
        requireDead(exchange, key, present.get());
        condition = new RecordTable.Condition(Optional.of(present.get().entityTag), false);
      }
    }
    requireDone(records.put(key, value, ttlSeconds, condition));
    answer(exchange, HttpMetadataProtocol.OK, TEXT, "metadata updated");
  }

  /**
   * Refuses a write if the owner of the present record is alive, in the words of Mooncake's
   * servers. C++ engines write without looking first.
   */
  private void requireDead(HttpExchange exchange, String key, RecordTable.Entry present)
      throws Refusal {
    HostPort owner;
    try {
      RpcMetaRecord record = MetadataCodec.decodeRpcMeta(present.value);
      owner = new HostPort(record.host(), record.port());
    } catch (TransferException e) {
      return; // The record is broken: nobody can own it.
    }
    Optional<Boolean> alive = owners.isAlive(owner);
    if (alive.isEmpty()) {
      throw new Refusal(BUSY, "too many owners of records are being probed at once");
    }
    if (alive.get()) {
      claims.refused(client(exchange), key);
      throw new Refusal(
          HttpMetadataProtocol.BAD_REQUEST,
          "Duplicate rpc_meta key not allowed: its owner at " + owner + " is alive");
    }
  }

  private Refusal tooLarge() {
    return new Refusal(TOO_LARGE, "a record has at most " + recordMaxBytes + " bytes");
  }

  private static void requireDone(RecordTable.Outcome outcome) throws Refusal {
    switch (outcome) {
      case DONE -> {}
      case MISSING -> throw new Refusal(HttpMetadataProtocol.NOT_FOUND, "metadata not found");
      case CHANGED ->
          throw new Refusal(HttpMetadataProtocol.PRECONDITION_FAILED, "metadata has another value");
      case FULL -> throw new Refusal(CREATED_FULL, "the server is full");
    }
  }

  private static RecordTable.Condition condition(HttpExchange exchange) {
    Headers headers = exchange.getRequestHeaders();
    return new RecordTable.Condition(
        Optional.ofNullable(headers.getFirst("If-Match")).filter(tag -> !tag.equals("*")),
        "*".equals(headers.getFirst("If-None-Match")));
  }

  private static int ttlSeconds(HttpExchange exchange) throws Refusal {
    String text = exchange.getRequestHeaders().getFirst(HttpMetadataProtocol.TTL_HEADER);
    if (text == null) {
      return 0;
    }
    int seconds = text.matches("[0-9]{1,6}") ? Integer.parseInt(text) : 0;
    if (seconds < 1 || seconds > TTL_SECONDS_MAX) {
      throw new Refusal(
          HttpMetadataProtocol.BAD_REQUEST,
          HttpMetadataProtocol.TTL_HEADER + " is not in 1.." + TTL_SECONDS_MAX);
    }
    return seconds;
  }

  /** -1 for a body of unknown length. */
  private static long announcedLength(Headers headers) throws Refusal {
    String text = headers.getFirst("Content-Length");
    if (text == null) {
      return -1;
    }
    if (!text.matches("[0-9]{1,18}")) {
      throw new Refusal(HttpMetadataProtocol.BAD_REQUEST, "the Content-Length is not a number");
    }
    return Long.parseLong(text);
  }

  private static Optional<String> parameter(HttpExchange exchange, String name) throws Refusal {
    String query = exchange.getRequestURI().getRawQuery();
    if (query == null) {
      return Optional.empty();
    }
    for (String pair : query.split("&", -1)) {
      if (pair.startsWith(name + "=")) {
        try {
          return Optional.of(
              URLDecoder.decode(pair.substring(name.length() + 1), StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
          throw new Refusal(HttpMetadataProtocol.BAD_REQUEST, "the key is not encoded properly");
        }
      }
    }
    return Optional.empty();
  }

  private String metrics() {
    return """
    # TYPE te_metadata_records gauge
    te_metadata_records %d
    # TYPE te_metadata_bytes gauge
    te_metadata_bytes %d
    # TYPE te_metadata_requests_total counter
    te_metadata_requests_total %d
    # TYPE te_metadata_refusals_total counter
    te_metadata_refusals_total %d
    # TYPE te_metadata_deletes_refused_total counter
    te_metadata_deletes_refused_total %d
    """
        .formatted(
            records.count(), records.bytes(), requests.sum(), refusals.sum(), deletesRefused.sum());
  }

  private static void answer(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    answer(exchange, status, type, text.getBytes(StandardCharsets.UTF_8));
  }

  private static void answer(HttpExchange exchange, int status, String type, byte[] body)
      throws IOException {
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      exchange.getResponseBody().write(body);
      // Flush now: close waits for the rest of the request, which a refusal does not need.
      exchange.getResponseBody().flush();
    }
  }
}
