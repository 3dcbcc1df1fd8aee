// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.metadata.HttpMetadataProtocol;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** The answer to a request. Immutable, except for the body, which nobody changes. */
final class HttpAnswer {
  private static final String TEXT = "text/plain; charset=utf-8";

  private static final HttpAnswer FAULT =
      text(HttpStatus.FAULT, "the server failed at this request; its log says why");

  private final HttpStatus status;
  private final Map<String, String> headers;
  private final byte[] body;
  private final boolean isRecord;

  /**
   * An answer.
   *
   * @param headers beside those of the connection and of the length
   */
  private HttpAnswer(
      HttpStatus status, Map<String, String> headers, byte[] body, boolean isRecord) {
    this.status = status;
    this.headers = Map.copyOf(headers);
    this.body = body;
    this.isRecord = isRecord;
  }

  /** {@return the answer after a mistake of ours, or without memory, made in advance for that} */
  static HttpAnswer fault() {
    return FAULT;
  }

  /** {@return the answer that is a record, whose bytes are the table's} */
  static HttpAnswer record(String type, String entityTag, byte[] value) {
    return new HttpAnswer(
        HttpStatus.OK, Map.of("Content-Type", type, "ETag", entityTag), value, true);
  }

  /** {@return an answer of text for people} */
  static HttpAnswer text(HttpStatus status, String text) {
    return of(status, TEXT, text);
  }

  /** {@return that a token is wanted} */
  static HttpAnswer challenge(String text) {
    return new HttpAnswer(
        HttpStatus.UNAUTHORIZED,
        Map.of("Content-Type", TEXT, "WWW-Authenticate", "Bearer"),
        text.getBytes(StandardCharsets.UTF_8),
        false);
  }

  static HttpAnswer of(HttpStatus status, String type, String text) {
    return new HttpAnswer(
        status, Map.of("Content-Type", type), text.getBytes(StandardCharsets.UTF_8), false);
  }

  HttpStatus status() {
    return status;
  }

  byte[] body() {
    return body;
  }

  /** {@return how many bytes are held for this answer alone} */
  int ownBytes() {
    return isRecord ? 0 : body.length;
  }

  /**
   * {@return the bytes before the body}
   *
   * @param keep whether the connection stays open for another request
   */
  byte[] head(boolean keep) {
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
