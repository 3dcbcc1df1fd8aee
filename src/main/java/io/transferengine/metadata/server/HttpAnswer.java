// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.logging.Printable;
import io.transferengine.metadata.HttpMetadataProtocol;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * The answer to a request. Whoever has it closes it when it is sent, or will not be: until then it
 * holds memory of a limit, or a record. Its body is changed by nobody.
 */
final class HttpAnswer implements AutoCloseable {
  private static final String TEXT = "text/plain; charset=utf-8";

  /** Of a text for people: names and keys of others may be in it. */
  private static final int TEXT_LENGTH_MAX = 2_000;

  /**
   * What goes out in one packet with the head, as most answers do. It is a copy, which is held
   * while the client does not read.
   */
  static final int FIRST_BYTES_MAX = 4 << 10;

  /** The JDK copies each write into a buffer of its own. This limits the size of that buffer. */
  private static final int WRITE_PIECE_BYTES = 64 << 10;

  private static final HttpAnswer FAULT =
      text(HttpStatus.FAULT, "the server failed at this request; its log says why");

  private final HttpStatus status;
  private final Map<String, String> headers;
  private final byte[] body;
  private final Runnable giveBack;

  /**
   * An answer.
   *
   * @param headers beside those of the connection and of the length
   * @param giveBack gives back what it holds, also if it is not the first time
   */
  private HttpAnswer(
      HttpStatus status, Map<String, String> headers, byte[] body, Runnable giveBack) {
    this.status = status;
    this.headers = Map.copyOf(headers);
    this.body = body;
    this.giveBack = giveBack;
  }

  /** {@return the answer after a mistake of ours, or without memory, made in advance for that} */
  static HttpAnswer fault() {
    return FAULT;
  }

  /**
   * {@return the answer that is a record}
   *
   * @param giveBack gives back what the answer holds, also if it is not the first time
   */
  static HttpAnswer record(String type, String entityTag, byte[] value, Runnable giveBack) {
    return new HttpAnswer(
        HttpStatus.OK, Map.of("Content-Type", type, "ETag", entityTag), value, giveBack);
  }

  /** {@return the answer that is a list} As {@link #record}. */
  static HttpAnswer list(String type, byte[] body, Runnable giveBack) {
    return new HttpAnswer(HttpStatus.OK, Map.of("Content-Type", type), body, giveBack);
  }

  /** {@return an answer of text for people} */
  static HttpAnswer text(HttpStatus status, String text) {
    return new HttpAnswer(status, Map.of("Content-Type", TEXT), bytes(text), () -> {});
  }

  /** {@return that a request is refused} */
  static HttpAnswer refusal(HttpStatus status, String text) {
    byte[] shown = bytes(Printable.of(text, TEXT_LENGTH_MAX));
    Map<String, String> headers =
        status == HttpStatus.UNAUTHORIZED
            ? Map.of("Content-Type", TEXT, "WWW-Authenticate", "Bearer")
            : Map.of("Content-Type", TEXT);
    return new HttpAnswer(status, headers, shown, () -> {});
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Writes it.
   *
   * @param keep whether the connection stays open for another request
   * @param hasBody false in answer to HEAD
   */
  void writeTo(OutputStream out, boolean keep, boolean hasBody) throws IOException {
    byte[] head = head(keep);
    int length = hasBody ? body.length : 0;
    int with = Math.clamp(FIRST_BYTES_MAX - head.length, 0, length);
    byte[] first = new byte[head.length + with];
    System.arraycopy(head, 0, first, 0, head.length);
    System.arraycopy(body, 0, first, head.length, with);
    out.write(first);
    for (int at = with; at < length; at += WRITE_PIECE_BYTES) {
      out.write(body, at, Math.min(WRITE_PIECE_BYTES, length - at));
    }
    out.flush();
  }

  /** Gives back what it holds. Idempotent. */
  @Override
  public void close() {
    giveBack.run();
  }

  private byte[] head(boolean keep) {
    StringBuilder head = new StringBuilder(256);
    head.append("HTTP/1.1 ").append(status.line()).append("\r\n");
    headers.forEach((name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
    head.append(HttpMetadataProtocol.SERVER_HEADER).append(": 1\r\n");
    head.append("Content-Length: ").append(body.length).append("\r\n");
    if (!keep) {
      head.append("Connection: close\r\n");
    }
    return head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
  }
}
