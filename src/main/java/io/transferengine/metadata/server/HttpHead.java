// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.metadata.HttpMetadataProtocol;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The head of a request (RFC 9112): its first line and its headers. Whatever can be read in two
 * ways is refused. Immutable.
 */
final class HttpHead {
  /** Room for the longest key in the longest encoding. */
  static final int BYTES_MAX = 64 << 10;

  /** Of each head; what is longer takes of a limit for all. Engines' heads are shorter. */
  static final int FREE_BYTES = 4 << 10;

  /** What a byte that was sent costs: it is read, copied, and kept. */
  private static final int COPIES = 4;

  static final int HEADERS_MAX = 100;

  private static final Pattern TOKEN = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
  private static final Pattern LENGTH = Pattern.compile("[0-9]{1,18}");
  private static final Pattern ABSOLUTE = Pattern.compile("(?i)https?://[^/?#]*");
  private static final Pattern VISIBLE = Pattern.compile("[!-~\\x80-\\xff]+");

  private static final String CONNECTION = "connection";
  private static final String LENGTH_HEADER = "content-length";
  private static final String ENCODING_HEADER = "transfer-encoding";

  /** All that anybody here asks for. The others are dropped: they cost no memory. */
  private static final Set<String> KEPT =
      Set.of(
          "authorization",
          CONNECTION,
          LENGTH_HEADER,
          "expect",
          "host",
          "if-match",
          "if-none-match",
          ENCODING_HEADER,
          HttpMetadataProtocol.TTL_HEADER.toLowerCase(Locale.ROOT));

  private final String method;
  private final String target;
  private final boolean isOld;
  private final Map<String, String> headers;

  private HttpHead(String method, String target, boolean isOld, Map<String, String> headers) {
    this.method = method;
    this.target = target;
    this.isOld = isOld;
    this.headers = headers;
  }

  /** Where the memory of what is long comes from. */
  interface Room {
    /**
     * Takes some.
     *
     * @throws HttpRefusal if there is none
     */
    void take(int bytes) throws HttpRefusal;
  }

  /**
   * {@return the next head; empty if the stream ends before it begins}
   *
   * @param room is asked before each further {@link #FREE_BYTES}
   * @throws HttpRefusal for what is wrong with it; nothing behind it can be read then
   */
  static Optional<HttpHead> read(InputStream in, Room room) throws IOException, HttpRefusal {
    Lines lines = new Lines(in, BYTES_MAX, room);
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
      throw new HttpRefusal(HttpStatus.OTHER_VERSION, "HTTP 1.1 is served here");
    }
    HttpHead made =
        new HttpHead(parts[0], target(parts[1]), parts[2].endsWith("0"), headers(lines));
    made.requireOneLength();
    return Optional.of(made);
  }

  private static String target(String text) throws HttpRefusal {
    if (!VISIBLE.matcher(text).matches()) {
      throw malformed("the target has a blank");
    }
    // At its begin only: a key may have such a text in it.
    Matcher absolute = ABSOLUTE.matcher(text);
    String rest = absolute.lookingAt() ? text.substring(absolute.end()) : text;
    if (rest.isEmpty() || rest.startsWith("?")) {
      return "/" + rest;
    }
    if (!rest.startsWith("/")) {
      throw malformed("the target is not a path");
    }
    return rest;
  }

  private static Map<String, String> headers(Lines lines) throws IOException, HttpRefusal {
    Map<String, String> headers = new HashMap<>();
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
        throw new HttpRefusal(HttpStatus.HEAD_TOO_LARGE, "more than " + HEADERS_MAX + " headers");
      }
      keep(headers, line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1));
    }
  }

  /** Who sends one twice wants two readers to see two different requests. */
  private static void keep(Map<String, String> headers, String name, String value)
      throws HttpRefusal {
    if (!KEPT.contains(name)) {
      return;
    }
    String before = headers.put(name, value.strip());
    if (before != null) {
      if (!name.equals(CONNECTION)) {
        throw malformed("more than one " + name);
      }
      headers.put(name, before + ", " + value.strip());
    }
  }

  private void requireOneLength() throws HttpRefusal {
    Optional<String> length = header(LENGTH_HEADER);
    Optional<String> encoding = header(ENCODING_HEADER);
    if (length.isPresent() && encoding.isPresent()) {
      throw malformed("more than one length");
    }
    if (length.isPresent() && !LENGTH.matcher(length.get()).matches()) {
      throw malformed("the Content-Length is not a number");
    }
    if (encoding.isPresent() && !encoding.get().equalsIgnoreCase("chunked")) {
      throw new HttpRefusal(
          HttpStatus.NOT_IMPLEMENTED, "the only transfer encoding served here is chunked");
    }
  }

  private static HttpRefusal malformed(String text) {
    return new HttpRefusal(HttpStatus.BAD_REQUEST, text);
  }

  String method() {
    return method;
  }

  /** {@return the path, as it was sent, and the query if there is one} */
  String target() {
    return target;
  }

  /** {@return the value of a header of those that are kept} */
  Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name.toLowerCase(Locale.ROOT)));
  }

  /** {@return whether another request may follow on this connection} */
  boolean isKept() {
    return !isOld
        && !headers.getOrDefault(CONNECTION, "").toLowerCase(Locale.ROOT).contains("close");
  }

  /** {@return whether the client waits for leave to send the body} */
  boolean isExpecting() {
    return !isOld && header("Expect").filter("100-continue"::equalsIgnoreCase).isPresent();
  }

  boolean isChunked() {
    return headers.containsKey(ENCODING_HEADER);
  }

  /** {@return the length of the body; -1 if it is in chunks} */
  long length() {
    return isChunked() ? -1 : header(LENGTH_HEADER).map(Long::parseLong).orElse(0L);
  }

  /** Lines of a bounded number of bytes together. */
  static final class Lines {
    private final InputStream in;
    private final int bytesMax;
    private final Room room;
    private int count;

    Lines(InputStream in, int bytesMax, Room room) {
      this.in = in;
      this.bytesMax = bytesMax;
      this.room = room;
    }

    /**
     * {@return the next line without its end, which is CR and LF; null at the end of the stream}
     *
     * @throws HttpRefusal for other ends, and for control characters: not everybody reads them so
     */
    @Nullable String next() throws IOException, HttpRefusal {
      byte[] line = new byte[128];
      int length = 0;
      int last = -1;
      while (true) {
        int read = in.read();
        if (read < 0) {
          if (last < 0) {
            return null;
          }
          throw new EOFException("the connection ends inside of a line");
        }
        if (++count > bytesMax) {
          throw new HttpRefusal(
              HttpStatus.HEAD_TOO_LARGE, "more than " + bytesMax + " bytes before the body");
        }
        if (count % FREE_BYTES == 0) {
          room.take(COPIES * FREE_BYTES);
        }
        if (read == '\n' && last == '\r') {
          return new String(line, 0, length, StandardCharsets.ISO_8859_1);
        }
        if (last == '\r' || (isControl(read) && read != '\t' && read != '\r')) {
          throw malformed("a line with a control character, or without CR and LF at its end");
        }
        last = read;
        if (read != '\r') {
          if (length == line.length) {
            line = Arrays.copyOf(line, 2 * length);
          }
          line[length++] = (byte) read;
        }
      }
    }

    private static boolean isControl(int c) {
      return c < ' ' || c == 0x7f;
    }
  }
}
