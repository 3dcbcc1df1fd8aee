// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.metadata.HttpMetadataProtocol;
import io.transferengine.tls.ServerTls;
import io.transferengine.transfer.HostPort;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/** Answers the requests to a server. Each call has a thread of its own. */
final class RecordHandler implements HttpHandler {
  /** Much longer than the keys of segments, which are host names and ports. */
  private static final int KEY_LENGTH_MAX = 4096;

  /** A day, as the limit of the engines' option. */
  private static final int TTL_SECONDS_MAX = 86_400;

  /** Whoever balances loads has no token. */
  private static final String HEALTH = "/health";

  private static final String JSON = "application/json; charset=utf-8";
  private static final String TEXT = "text/plain; charset=utf-8";

  /** The part that only the keys of engines' addresses contain. */
  private static final String RPC_META = "rpc_meta";

  private final RecordTable records;
  private final Ownership ownership;
  private final Access access;
  private final LongAdder requests = new LongAdder();
  private final LongAdder refused = new LongAdder();
  private final Refusals refusals;
  private final RefusedClaims claims = new RefusedClaims(System::nanoTime);
  private final LongAdder deletesRefused = new LongAdder();

  private final RequestMemory memory;
  private final int recordMaxBytes;

  /**
   * Creates the handler of one server.
   *
   * @param recordMaxBytes the length of the longest record
   * @param memory what requests under way may hold
   * @param access what clients have to prove
   */
  RecordHandler(
      RecordTable records,
      int recordMaxBytes,
      RequestMemory memory,
      Access access,
      Refusals refusals) {
    this.records = records;
    ownership = new Ownership(records);
    this.access = access;
    this.refusals = refusals;
    this.recordMaxBytes = recordMaxBytes;
    this.memory = memory;
  }

  @Override
  public HttpAnswer answer(HttpRequest request) throws IOException {
    requests.increment();
    try {
      return request.path().equals(HEALTH) ? route(request) : route(authenticated(request));
    } catch (HttpRefusal e) {
      refused.increment();
      if (e.status() == HttpStatus.FULL) {
        refusals.full(request.peer(), String.valueOf(e.getMessage()));
      }
      return e.answer();
    }
  }

  private HttpRequest authenticated(HttpRequest request) throws HttpRefusal {
    try {
      return access.authenticated(request);
    } catch (HttpRefusal e) {
      refusals.unauthorized(request.peer(), String.valueOf(e.getMessage()));
      throw e;
    }
  }

  private HttpAnswer route(HttpRequest request) throws IOException, HttpRefusal {
    String path = request.path();
    if (path.equals(HttpMetadataProtocol.RECORDS_PATH)) {
      return record(request);
    }
    if (!isReading(request)) {
      throw new HttpRefusal(HttpStatus.METHOD_NOT_ALLOWED, "only GET is served here");
    }
    return switch (path) {
      case HEALTH -> ok("ok");
      case "/metrics" -> ok(metrics());
      case "/segments" -> list(request, JSON, held -> SegmentList.json(records, held));
      case HttpMetadataProtocol.KEYS_PATH -> {
        String prefix = request.parameter("prefix").orElse("");
        yield list(request, TEXT, held -> keys(prefix, held));
      }
      default -> throw new HttpRefusal(HttpStatus.NOT_FOUND, "nothing is served here");
    };
  }

  /** The connection leaves the body of an answer to HEAD out. */
  private static boolean isReading(HttpRequest request) {
    return request.method().equals("GET") || request.method().equals("HEAD");
  }

  private static HttpAnswer ok(String text) {
    return HttpAnswer.text(HttpStatus.OK, text);
  }

  /** The bytes of a list, for which it takes room. */
  private interface Listing {
    byte[] by(HeldBytes.Held held) throws HttpRefusal;
  }

  private HttpAnswer list(HttpRequest request, String type, Listing listing) throws HttpRefusal {
    HeldBytes.Held held = memory.answers().by(request.peer().address());
    try {
      return HttpAnswer.list(type, listing.by(held), held::close);
    } catch (Throwable t) {
      held.close();
      throw t;
    }
  }

  private byte[] keys(String prefix, HeldBytes.Held held) throws HttpRefusal {
    ListText list = new ListText(held, "\n", "", "");
    for (String key : list.keys(records)) {
      if (key.startsWith(prefix) && isOneLine(key)) {
        list.add(key);
      }
    }
    return list.bytes();
  }

  /** Another would be read as two keys. */
  private static boolean isOneLine(String key) {
    return key.indexOf('\n') < 0 && key.indexOf('\r') < 0;
  }

  private HttpAnswer record(HttpRequest request) throws IOException, HttpRefusal {
    String key = request.parameter("key").orElse("");
    if (key.isEmpty() || key.length() > KEY_LENGTH_MAX) {
      throw new HttpRefusal(
          HttpStatus.BAD_REQUEST,
          key.isEmpty() ? "the key is empty" : "the key is longer than " + KEY_LENGTH_MAX);
    }
    return switch (request.method()) {
      case "GET", "HEAD" -> {
        RecordTable.Reading reading =
            records
                .read(key)
                .orElseThrow(() -> new HttpRefusal(HttpStatus.NOT_FOUND, "metadata not found"));
        try {
          yield HttpAnswer.record(
              "application/json", reading.entityTag(), reading.value(), reading::close);
        } catch (Throwable t) {
          reading.close();
          throw t;
        }
      }
      case "PUT" -> put(request, key);
      case "POST" -> {
        int seconds = ttlSeconds(request);
        RecordTable.Condition condition = condition(request);
        requireDone(
            request, key, records.touch(key, seconds, condition, claim(request, Optional.empty())));
        yield ok("metadata kept");
      }
      case "DELETE" -> delete(request, key);
      default ->
          throw new HttpRefusal(
              HttpStatus.METHOD_NOT_ALLOWED, "GET, PUT, POST and DELETE are served here");
    };
  }

  private HttpAnswer delete(HttpRequest request, String key) throws IOException, HttpRefusal {
    RecordTable.Condition condition = condition(request);
    if (condition.equals(RecordTable.Condition.NONE)
        && claims.take(request.peer().address(), key)) {
      deletesRefused.increment();
      // A C++ engine knows no other answer than 200.
      return ok("metadata kept: it belongs to another engine");
    }
    change(request, key, claim -> records.remove(key, condition, claim));
    return ok("metadata deleted");
  }

  private HttpAnswer put(HttpRequest request, String key) throws IOException, HttpRefusal {
    int ttlSeconds = ttlSeconds(request);
    RecordTable.Condition condition = condition(request);
    long announced = request.head().length();
    if (announced > recordMaxBytes) {
      throw tooLarge();
    }
    long most = announced < 0 ? recordMaxBytes : announced;
    try (HeldBytes.Held held = memory.bodies().by(request.peer().address())) {
      held.add(most);
      byte[] value = request.body().readNBytes(recordMaxBytes + 1);
      if (value.length > recordMaxBytes) {
        throw tooLarge();
      }
      return store(request, key, value, ttlSeconds, condition);
    }
  }

  private HttpAnswer store(
      HttpRequest request, String key, byte[] value, int ttlSeconds, RecordTable.Condition wanted)
      throws HttpRefusal {
    RecordTable.Condition condition = wanted;
    if (key.contains(RPC_META) && condition.equals(RecordTable.Condition.NONE)) {
      Optional<RecordTable.Entry> present = records.get(key);
      if (present.isPresent() && Arrays.equals(present.get().value, value)) {
        return ok("metadata unchanged");
      }
      if (present.isPresent()) {
        requireDead(request, key, present.get());
        condition = new RecordTable.Condition(Optional.of(present.get().entityTag), false);
      }
    }
    RecordTable.Condition last = condition;
    change(request, key, claim -> records.put(key, value, ttlSeconds, last, claim));
    return ok("metadata updated");
  }

  /**
   * Refuses a write if the owner of the present record is alive, in the words of Mooncake's
   * servers. C++ engines write without looking first.
   */
  private void requireDead(HttpRequest request, String key, RecordTable.Entry present)
      throws HttpRefusal {
    Optional<HostPort> alive = ownership.alive(present, request.peer());
    if (alive.isPresent()) {
      claims.refused(request.peer().address(), key);
      throw new HttpRefusal(
          HttpStatus.BAD_REQUEST,
          "Duplicate rpc_meta key not allowed: its owner at " + alive.get() + " is alive");
    }
  }

  /** What is done to a record. */
  private interface Change {
    RecordTable.Outcome by(RecordTable.Claim claim) throws HttpRefusal;
  }

  /** A change of a record that may belong to somebody else. */
  private void change(HttpRequest request, String key, Change change) throws HttpRefusal {
    RecordTable.Outcome outcome = change.by(claim(request, Optional.empty()));
    if (outcome == RecordTable.Outcome.FOREIGN) {
      outcome = change.by(claim(request, ownership.abandoned(key, request.peer())));
    }
    if (outcome != RecordTable.Outcome.MISSING) {
      requireDone(request, key, outcome);
    }
  }

  private static RecordTable.Claim claim(
      HttpRequest request, Optional<RecordTable.Entry> abandoned) {
    List<String> names = request.peer().names();
    String writer =
        names.isEmpty() ? request.peer().address().getHostAddress() : String.join(", ", names);
    return new RecordTable.Claim(writer, names, abandoned);
  }

  private HttpRefusal tooLarge() {
    return new HttpRefusal(
        HttpStatus.TOO_LARGE, "a record has at most " + recordMaxBytes + " bytes");
  }

  private void requireDone(HttpRequest request, String key, RecordTable.Outcome outcome)
      throws HttpRefusal {
    switch (outcome) {
      case DONE -> {}
      case MISSING -> throw new HttpRefusal(HttpStatus.NOT_FOUND, "metadata not found");
      case CHANGED ->
          throw new HttpRefusal(HttpStatus.PRECONDITION_FAILED, "metadata has another value");
      case FOREIGN -> {
        refusals.foreign(request.peer(), key);
        throw new HttpRefusal(
            HttpStatus.FORBIDDEN,
            "this record belongs to "
                + records.get(key).map(entry -> String.join(", ", entry.owner)).orElse("another")
                + ", and its engine is not dead: give each engine its own name, or have it prove"
                + " the same certificate's or token's name as before");
      }
    }
  }

  private static RecordTable.Condition condition(HttpRequest request) {
    return new RecordTable.Condition(
        request.header("If-Match").filter(tag -> !tag.equals("*")),
        request.header("If-None-Match").filter("*"::equals).isPresent());
  }

  private static int ttlSeconds(HttpRequest request) throws HttpRefusal {
    Optional<String> given = request.header(HttpMetadataProtocol.TTL_HEADER);
    if (given.isEmpty()) {
      return 0;
    }
    String text = given.get();
    int seconds = text.matches("[0-9]{1,6}") ? Integer.parseInt(text) : 0;
    if (seconds < 1 || seconds > TTL_SECONDS_MAX) {
      throw new HttpRefusal(
          HttpStatus.BAD_REQUEST,
          HttpMetadataProtocol.TTL_HEADER + " is not in 1.." + TTL_SECONDS_MAX);
    }
    return seconds;
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
    # TYPE te_metadata_full_total counter
    te_metadata_full_total %d
    # TYPE te_metadata_faults_total counter
    te_metadata_faults_total %d
    # TYPE te_metadata_connections_refused_total counter
    te_metadata_connections_refused_total %d
    # TYPE te_metadata_connections_crowded_total counter
    te_metadata_connections_crowded_total %d
    # TYPE te_metadata_handshakes_waited_total counter
    te_metadata_handshakes_waited_total %d
    # TYPE te_metadata_memory_refused_total counter
    te_metadata_memory_refused_total %d
    # TYPE te_metadata_unauthorized_total counter
    te_metadata_unauthorized_total %d
    # TYPE te_metadata_foreign_changes_refused_total counter
    te_metadata_foreign_changes_refused_total %d
    """
        .formatted(
            records.count(),
            records.bytes(),
            requests.sum(),
            refused.sum(),
            deletesRefused.sum(),
            refusals.fullCount(),
            refusals.faultCount(),
            refusals.connectionCount(),
            refusals.crowdedCount(),
            access.tls().map(ServerTls::handshakesWaited).orElse(0L),
            memory.refused().sum(),
            refusals.unauthorizedCount(),
            refusals.foreignCount());
  }
}
