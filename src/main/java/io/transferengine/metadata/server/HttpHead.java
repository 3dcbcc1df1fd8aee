// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.metadata.HttpMetadataProtocol;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The head of a request (RFC 9112): its first line and its headers. Whatever can be read in two
 * ways is refused. Immutable.
 */
final class HttpHead {
  /** Room for the longest key in the longest encoding. */
  static final int BYTES_MAX = 64 << 10;

  static final int HEADERS_MAX = 100;

  private static final int TOO_LARGE = 431;
  private static final int NOT_IMPLEMENTED = 501;
  private static final int OTHER_VERSION = 505;

  private static final Pattern TOKEN = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
  private static final Pattern LENGTH = Pattern.compile("[0-9]{1,18}");
  private static final Pattern ABSOLUTE = Pattern.compile("(?i)https?://[^/?#]*");

  private final String method;
  private final String target;
  private final boolean isOld;
  private final Map<String, List<String>> headers;

  private HttpHead(String method, String target, boolean isOld, Map<String, List<String>> headers) {
    this.method = method;
    this.target = target;
    this.isOld = isOld;
    this.headers = headers;
  }

  /**
   * {@return the next head; empty if the stream ends before it begins}
   *
   * @throws HttpRefusal for what is wrong with it; nothing behind it can be read then
   */
  static Optional<HttpHead> read(InputStream in) throws IOException, HttpRefusal {
    Lines lines = new Lines(in, BYTES_MAX);
    String first;
    do {
      first = lines.next();
      if (first == null) {
        return Optional.empty();
      }
    } while (first.isEmpty());
    String[] parts = first.split(" ", -1);
    if (parts.length != 3 || !TOKEN.matcher(parts[0]).matches()) {
      throw malformed("the request line is not METHOD TARGET VERSION");
    }
    if (!parts[2].equals("HTTP/1.1") && !parts[2].equals("HTTP/1.0")) {
      throw new HttpRefusal(OTHER_VERSION, "HTTP 1.1 is served here");
    }
    HttpHead made =
        new HttpHead(parts[0], target(parts[1]), parts[2].endsWith("0"), headers(lines));
    made.requireOneLength();
    return Optional.of(made);
  }

  private static String target(String text) throws HttpRefusal {
    String rest = ABSOLUTE.matcher(text).replaceFirst("");
    if (rest.isEmpty() || rest.startsWith("?")) {
      return "/" + rest;
    }
    if (!rest.startsWith("/")) {
      throw malformed("the target is not a path");
    }
    return rest;
  }

  private static Map<String, List<String>> headers(Lines lines) throws IOException, HttpRefusal {
    Map<String, List<String>> headers = new HashMap<>();
    int count = 0;
    while (true) {
      String line = lines.next();
      if (line == null) {
        throw new EOFException("the connection ends inside of a head");
      }
      if (line.isEmpty()) {
        return headers;
      }
      int colon = line.indexOf(':');
      if (colon < 0 || !TOKEN.matcher(line.substring(0, colon)).matches()) {
        throw malformed("a header is not NAME: VALUE");
      }
      if (++count > HEADERS_MAX) {
        throw new HttpRefusal(TOO_LARGE, "more than " + HEADERS_MAX + " headers");
      }
      headers
          .computeIfAbsent(
              line.substring(0, colon).toLowerCase(Locale.ROOT), _ -> new ArrayList<>())
          .add(line.substring(colon + 1).strip());
    }
  }

  /** Who puts two lengths into one request wants two readers to see two different requests. */
  private void requireOneLength() throws HttpRefusal {
    List<String> lengths = headers.getOrDefault("content-length", List.of());
    List<String> encodings = headers.getOrDefault("transfer-encoding", List.of());
    if (lengths.size() + encodings.size() > 1) {
      throw malformed("more than one length");
    }
    if (!lengths.isEmpty() && !LENGTH.matcher(lengths.getFirst()).matches()) {
      throw malformed("the Content-Length is not a number");
    }
    if (!encodings.isEmpty() && !encodings.getFirst().equalsIgnoreCase("chunked")) {
      throw new HttpRefusal(NOT_IMPLEMENTED, "the only transfer encoding served here is chunked");
    }
  }

  private static HttpRefusal malformed(String text) {
    return new HttpRefusal(HttpMetadataProtocol.BAD_REQUEST, text);
  }

  String method() {
    return method;
  }

  /** {@return the path, as it was sent, and the query if there is one} */
  String target() {
    return target;
  }

  /** {@return the first value of a header} */
  Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name.toLowerCase(Locale.ROOT))).map(List::getFirst);
  }

  /** {@return whether another request may follow on this connection} */
  boolean isKept() {
    return !isOld
        && headers.getOrDefault("connection", List.of()).stream()
            .noneMatch(value -> value.toLowerCase(Locale.ROOT).contains("close"));
  }

  /** {@return whether the client waits for leave to send the body} */
  boolean isExpecting() {
    return !isOld && header("Expect").filter("100-continue"::equalsIgnoreCase).isPresent();
  }

  boolean isChunked() {
    return headers.containsKey("transfer-encoding");
  }

  /** {@return the length of the body; -1 if it is in chunks} */
  long length() {
    return isChunked() ? -1 : header("Content-Length").map(Long::parseLong).orElse(0L);
  }

  /** Lines of a bounded number of bytes together. */
  static final class Lines {
    private final InputStream in;
    private final int bytesMax;
    private int count;

    Lines(InputStream in, int bytesMax) {
      this.in = in;
      this.bytesMax = bytesMax;
    }

    /** {@return the next line without its end; null at the end of the stream} */
    @Nullable String next() throws IOException, HttpRefusal {
      byte[] line = new byte[128];
      int length = 0;
      while (true) {
        int read = in.read();
        if (read < 0) {
          if (length == 0) {
            return null;
          }
          throw new EOFException("the connection ends inside of a line");
        }
        if (++count > bytesMax) {
          throw new HttpRefusal(TOO_LARGE, "more than " + bytesMax + " bytes before the body");
        }
        if (read == '\n') {
          int end = length > 0 && line[length - 1] == '\r' ? length - 1 : length;
          return new String(line, 0, end, StandardCharsets.ISO_8859_1);
        }
        if (length == line.length) {
          line = Arrays.copyOf(line, 2 * length);
        }
        line[length++] = (byte) read;
      }
    }
  }
}
