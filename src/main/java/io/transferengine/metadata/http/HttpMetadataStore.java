// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.logging.Printable;
import io.transferengine.logging.Secrets;
import io.transferengine.metadata.HttpMetadataProtocol;
import io.transferengine.metadata.TlsCheck;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.net.WaitingThreads;
import io.transferengine.tls.BearerTokens;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;

/**
 * Records on an HTTP metadata server (protocol section 2).
 *
 * <p>Mooncake's servers know only GET, PUT and DELETE. There a record is replaced in steps: read
 * it, remove it if it is an {@code rpc_meta} record (two of the three servers refuse to overwrite
 * those), write it, and read it back. If two engines start under one name at the same moment, both
 * can succeed; that protocol cannot prevent it. Records there do not expire either.
 *
 * <p>Our own server identifies itself ({@link HttpMetadataProtocol}). Requests to it have
 * preconditions, so that only one of two engines succeeds, and a time to live, which a POST
 * prolongs.
 */
final class HttpMetadataStore implements MetadataStore {
  /** As in C++. A server that does not accept a connection in this time is down. */
  private static final Duration CONNECT_TIMEOUT = Duration.ofMillis(1500);

  /** As in C++. For connecting, the request and the whole answer together. */
  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(3);

  private static final byte[] NOTHING = new byte[0];

  /** How much of a server's text an error quotes. */
  private static final int QUOTED_LENGTH_MAX = 300;

  private final HttpAddress base;
  private final Optional<SSLContext> tls;
  private final Optional<BearerTokens> token;
  private final long ttlSeconds;
  private final ExecutorService executor = WaitingThreads.pool("te-http-");
  private final HttpClients clients;

  /** Whether the last answer came from our own server. Only that one knows POST. */
  private volatile boolean ours;

  /** A server's answer. */
  private static final class Answer {
    final int status;
    final byte[] body;
    final boolean ours;

    Answer(HttpResponse<byte[]> response) {
      status = response.statusCode();
      body = response.body();
      ours = response.headers().firstValue(HttpMetadataProtocol.SERVER_HEADER).isPresent();
    }

    Optional<byte[]> value() {
      return status == HttpMetadataProtocol.OK ? Optional.of(body) : Optional.empty();
    }
  }

  HttpMetadataStore(
      HttpAddress base, Optional<SSLContext> tls, Optional<BearerTokens> token, long ttlSeconds) {
    this.base = base;
    this.tls = tls;
    this.token = token;
    this.ttlSeconds = ttlSeconds;
    clients = new HttpClients(this::newClient);
  }

  private HttpClient newClient() {
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1) // else it offers an upgrade to h2c
            .followRedirects(HttpClient.Redirect.NEVER)
            // The JDK counts the TLS handshake, too, our own work included.
            .connectTimeout(tls.isPresent() ? REQUEST_TIMEOUT : CONNECT_TIMEOUT)
            .executor(executor);
    tls.ifPresent(builder::sslContext);
    try {
      return builder.build();
    } catch (UncheckedIOException e) {
      throw failed(
          "the JDK's HTTP client",
          e.getCause() == null ? e : e.getCause()); // No descriptor is left, say.
    }
  }

  /** For tests. */
  HttpClients clients() {
    return clients;
  }

  @Override
  public String description() {
    return Secrets.masked(base.toString());
  }

  @Override
  public void prepare(Duration timeout) {
    HttpFirstUse.prepare();
    tls.ifPresent(
        context -> {
          boolean _ = TlsCheck.handshake(description(), base.server(), context, timeout);
        });
  }

  @Override
  public boolean endsWithNewline() {
    return false;
  }

  @Override
  public Optional<byte[]> get(String key, Duration timeout) {
    return fetch(key, deadline(timeout)).value();
  }

  @Override
  public boolean replace(String key, Optional<byte[]> expected, byte[] value, Duration timeout) {
    long deadlineNanos = deadline(timeout);
    Answer present = fetch(key, deadlineNanos);
    if (!same(present.value(), expected)) {
      return false;
    }
    return present.ours
        ? replaceAtomically(key, expected, value, deadlineNanos)
        : replaceBySteps(key, expected, value, deadlineNanos);
  }

  private boolean replaceAtomically(
      String key, Optional<byte[]> expected, byte[] value, long deadlineNanos) {
    HttpRequest.Builder request =
        put(key, value).header(HttpMetadataProtocol.TTL_HEADER, Long.toString(ttlSeconds));
    expected.ifPresentOrElse(
        bytes -> request.header("If-Match", HttpMetadataProtocol.entityTag(bytes)),
        () -> request.header("If-None-Match", "*"));
    Answer answer = send("PUT", key, request, deadlineNanos);
    if (answer.status == HttpMetadataProtocol.PRECONDITION_FAILED) {
      return false;
    }
    requireOk("PUT", key, answer);
    return true;
  }

  private boolean replaceBySteps(
      String key, Optional<byte[]> expected, byte[] value, long deadlineNanos) {
    boolean guarded = key.contains("rpc_meta");
    if (guarded && expected.isPresent()) {
      delete(key, deadlineNanos);
    }
    Answer answer = send("PUT", key, put(key, value), deadlineNanos);
    if (guarded && answer.status == HttpMetadataProtocol.BAD_REQUEST) {
      return false; // Another engine was faster.
    }
    requireOk("PUT", key, answer);
    return same(fetch(key, deadlineNanos).value(), Optional.of(value));
  }

  @Override
  public boolean keep(String key, byte[] value, Duration timeout) {
    long deadlineNanos = deadline(timeout);
    if (!ours) {
      return same(fetch(key, deadlineNanos).value(), Optional.of(value));
    }
    HttpRequest.Builder touch =
        HttpRequest.newBuilder(uri(key))
            .POST(BodyPublishers.noBody())
            .header("If-Match", HttpMetadataProtocol.entityTag(value))
            .header(HttpMetadataProtocol.TTL_HEADER, Long.toString(ttlSeconds));
    Answer answer = send("POST", key, touch, deadlineNanos);
    if (answer.status == HttpMetadataProtocol.NOT_FOUND
        || answer.status == HttpMetadataProtocol.PRECONDITION_FAILED) {
      return false;
    }
    if (!answer.ours) {
      // Another server has taken its place.
      return same(fetch(key, deadlineNanos).value(), Optional.of(value));
    }
    requireOk("POST", key, answer);
    return true;
  }

  @Override
  public boolean remove(String key, byte[] expected, Duration timeout) {
    long deadlineNanos = deadline(timeout);
    Answer present = fetch(key, deadlineNanos);
    if (!same(present.value(), Optional.of(expected))) {
      return false;
    }
    if (!present.ours) {
      return delete(key, deadlineNanos);
    }
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri(key))
            .DELETE()
            .header("If-Match", HttpMetadataProtocol.entityTag(expected));
    Answer answer = send("DELETE", key, request, deadlineNanos);
    if (answer.status == HttpMetadataProtocol.PRECONDITION_FAILED) {
      return false;
    }
    requireOk("DELETE", key, answer);
    return true;
  }

  private boolean delete(String key, long deadlineNanos) {
    Answer answer = send("DELETE", key, HttpRequest.newBuilder(uri(key)).DELETE(), deadlineNanos);
    if (answer.status == HttpMetadataProtocol.NOT_FOUND) {
      return false;
    }
    requireOk("DELETE", key, answer);
    return true;
  }

  @Override
  public List<String> keys(String prefix, int limit, Duration timeout) {
    URI list =
        resolved(
            () -> base.at(HttpMetadataProtocol.KEYS_PATH + "?prefix=" + CurlEscape.of(prefix)));
    Answer answer =
        send(
            "GET", HttpMetadataProtocol.KEYS_PATH, HttpRequest.newBuilder(list), deadline(timeout));
    if (!answer.ours || answer.status != HttpMetadataProtocol.OK) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          "The metadata server at " + description() + " cannot list its keys",
          "Only our own server can (./te metadata-server)");
    }
    return new String(answer.body, StandardCharsets.UTF_8)
        .lines()
        .filter(key -> key.startsWith(prefix))
        .limit(limit)
        .toList();
  }

  @Override
  public void close() {
    clients.close();
    executor.shutdownNow();
  }

  // ---- one request

  private Answer fetch(String key, long deadlineNanos) {
    Answer answer = send("GET", key, HttpRequest.newBuilder(uri(key)), deadlineNanos);
    if (answer.status != HttpMetadataProtocol.NOT_FOUND) {
      requireOk("GET", key, answer);
    }
    return answer;
  }

  private HttpRequest.Builder put(String key, byte[] value) {
    return HttpRequest.newBuilder(uri(key))
        .PUT(BodyPublishers.ofByteArray(value))
        .header("Content-Type", "application/json");
  }

  private URI uri(String key) {
    return resolved(() -> base.with("key=" + CurlEscape.of(key)));
  }

  private URI resolved(Callable<URI> address) {
    try {
      return address.call();
    } catch (Exception e) {
      throw failed("the name of the server", e);
    }
  }

  private Answer send(String method, String key, HttpRequest.Builder request, long deadlineNanos) {
    String shown = show(request);
    Answer answer = sendOnce(method, key, request, deadlineNanos);
    if (answer.status == HttpMetadataProtocol.UNAUTHORIZED && token.isPresent()) {
      // Perhaps the token was replaced: at the server, and in our file.
      token.get().refresh();
      if (!show(request).equals(shown)) {
        answer = sendOnce(method, key, request, deadlineNanos);
      }
    }
    if (answer.status == HttpMetadataProtocol.UNAUTHORIZED
        || answer.status == HttpMetadataProtocol.FORBIDDEN
        || answer.status == HttpMetadataProtocol.MISDIRECTED) {
      throw refused(method, key, answer);
    }
    return answer;
  }

  /**
   * {@return the header that shows our token, which the request has now; empty if there is none}
   */
  private String show(HttpRequest.Builder request) {
    String header = token.map(BearerTokens::authorization).orElse("");
    if (!header.isEmpty()) {
      request.setHeader(HttpMetadataProtocol.AUTHORIZATION_HEADER, header);
    }
    return header;
  }

  private Answer sendOnce(
      String method, String key, HttpRequest.Builder request, long deadlineNanos) {
    long leftNanos = Math.min(REQUEST_TIMEOUT.toNanos(), deadlineNanos - System.nanoTime());
    HttpRequest made =
        request
            .timeout(Duration.ofNanos(Math.max(1, leftNanos)))
            .setHeader("Accept", "*/*")
            .build();
    String what = method + " of " + Printable.of(key, QUOTED_LENGTH_MAX);
    try (HttpClients.Lease lease = clients.lease()) {
      Answer answer = send(lease, made, what, leftNanos);
      ours = answer.ours;
      return answer;
    }
  }

  private Answer send(HttpClients.Lease lease, HttpRequest made, String what, long leftNanos) {
    CompletableFuture<HttpResponse<byte[]>> future;
    try {
      future =
          lease
              .client()
              .sendAsync(
                  made,
                  BodyHandlers.limiting(
                      BodyHandlers.ofByteArray(), MetadataStore.VALUE_LENGTH_MAX_BYTES));
    } catch (RuntimeException e) {
      throw MetadataStore.unavailable(description(), what + ": " + e, e);
    }
    try {
      // The request's own time-out covers only the headers of the answer; this one covers all.
      return new Answer(future.get(leftNanos, TimeUnit.NANOSECONDS));
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      if (!(cause instanceof HttpConnectTimeoutException || cause instanceof ConnectException)) {
        // It may keep the connection of an answer that it could not read, or never ask again: when
        // memory runs out in its thread, it can lose a request or a connection.
        lease.spoilt();
      }
      throw failed(what, cause);
    } catch (TimeoutException e) {
      lease.spoilt();
      throw MetadataStore.unavailable(description(), what + " got no answer in time", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw MetadataStore.unavailable(description(), "the thread was interrupted", e);
    } finally {
      future.cancel(true);
    }
  }

  private TransferException failed(String what, Throwable cause) {
    if (cause instanceof SSLException && String.valueOf(cause.getMessage()).contains("alert")) {
      // With TLS 1.3 a server refuses our certificate when we are done already.
      throw TlsCheck.failed(description(), cause);
    }
    String why =
        cause instanceof IOException && cause.getMessage() != null
            ? cause.getMessage()
            : cause.toString();
    return MetadataStore.unavailable(
        description(), what + ": " + Printable.of(why, QUOTED_LENGTH_MAX), cause);
  }

  private void requireOk(String method, String key, Answer answer) {
    if (answer.status == HttpMetadataProtocol.OK) {
      return;
    }
    String text = text(method, key, answer);
    if (answer.status >= HttpMetadataProtocol.SERVER_ERROR) {
      throw MetadataStore.unavailable(description(), text, new IOException(text));
    }
    throw refused(method, key, answer);
  }

  private TransferException refused(String method, String key, Answer answer) {
    return new TransferException(
        ErrorCode.METADATA,
        "The metadata server at " + description() + " refuses: " + text(method, key, answer),
        remedy(answer));
  }

  private static String remedy(Answer answer) {
    return switch (answer.status) {
      case HttpMetadataProtocol.UNAUTHORIZED ->
          answer.ours
              ? "TE_METADATA_TOKEN_FILE names the file of our token; it has to have a line of the"
                  + " server's --token-file"
              : "It, or a proxy before it, wants to know who we are. Ask who runs it, or use our"
                  + " own server (./te metadata-server)";
      case HttpMetadataProtocol.FORBIDDEN ->
          answer.ours
              ? "Give each engine its own name, or have it prove what the record was written with:"
                  + " TE_METADATA_TLS_CERT, TE_METADATA_TOKEN_FILE"
              : "It, or a proxy before it, does not let us in. Ask who runs it";
      default -> {
        if (!answer.ours) {
          yield "Is this the address of a metadata server, its path included?";
        }
        yield answer.status == HttpMetadataProtocol.MISDIRECTED
            ? "Put a new certificate into TE_METADATA_TLS_CERT, and its key into"
                + " TE_METADATA_TLS_KEY, then open the engine again: it reads them only then"
            : "Do what it says";
      }
    };
  }

  private static String text(String method, String key, Answer answer) {
    return "%s of %s was answered with status %d: %s"
        .formatted(
            method,
            Printable.of(key, QUOTED_LENGTH_MAX),
            answer.status,
            Printable.of(
                new String(
                    Arrays.copyOf(answer.body, Math.min(answer.body.length, 400)),
                    StandardCharsets.UTF_8),
                QUOTED_LENGTH_MAX));
  }

  private static long deadline(Duration timeout) {
    return System.nanoTime() + timeout.toNanos();
  }

  private static boolean same(Optional<byte[]> a, Optional<byte[]> b) {
    return Arrays.equals(a.orElse(NOTHING), b.orElse(NOTHING)) && a.isPresent() == b.isPresent();
  }
}
