// SPDX-License-Identifier: Apache-2.0
package io.transferengine.exposition;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/**
 * A request for figures, and the answer that it gets. Nothing in it but the first line and what it
 * accepts counts, and a body is not read.
 *
 * @param status of the answer; {@link #NOTHING} if there was no request
 * @param reason what is wrong with the request; empty if nothing is
 * @param isWithoutBody whether only the head of the answer is wanted
 * @param form of the figures that are wanted
 */
record HttpHead(int status, String reason, boolean isWithoutBody, MetricsText.Form form) {
  static final int NOTHING = 0;
  static final int OK = 200;
  private static final int BAD_REQUEST = 400;
  private static final int NOT_FOUND = 404;
  private static final int METHOD_NOT_ALLOWED = 405;
  private static final int TOO_LARGE = 431;

  /** Those who collect figures send some hundred bytes. */
  static final int BYTES_MAX = 8192;

  private static final String PATH = "/metrics";
  private static final String ACCEPT = "accept:";

  /** Who accepts it prefers it: nobody names it to say that it is not wanted. */
  private static final String OPEN_METRICS = "application/openmetrics-text";

  /** {@return the next request} */
  static HttpHead read(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    String first = "";
    boolean isFirst = true;
    MetricsText.Form form = MetricsText.Form.PLAIN;
    for (int count = 0; count < BYTES_MAX; count++) {
      int next = in.read();
      if (next < 0) {
        return count == 0 ? refused(NOTHING, "") : refused(BAD_REQUEST, "half a request");
      }
      if (next != '\n') {
        line.append((char) next);
        continue;
      }
      String whole = line.toString().strip();
      line.setLength(0);
      if (isFirst) {
        first = whole;
        isFirst = false;
      } else if (whole.isEmpty()) {
        return of(first, form);
      } else {
        String lower = whole.toLowerCase(Locale.ROOT);
        if (lower.startsWith(ACCEPT) && lower.contains(OPEN_METRICS)) {
          form = MetricsText.Form.OPEN_METRICS;
        }
      }
    }
    return refused(TOO_LARGE, "the request is longer than " + BYTES_MAX + " bytes");
  }

  private static HttpHead of(String line, MetricsText.Form form) {
    List<String> parts = List.of(line.split(" ", -1));
    if (parts.size() != 3 || !parts.getLast().startsWith("HTTP/1.")) {
      return refused(BAD_REQUEST, "this is no request of HTTP 1");
    }
    String method = parts.getFirst();
    if (!method.equals("GET") && !method.equals("HEAD")) {
      return refused(METHOD_NOT_ALLOWED, "only GET and HEAD are served here");
    }
    boolean isWithoutBody = method.equals("HEAD");
    String path = parts.get(1).split("\\?", 2)[0];
    return path.equals(PATH)
        ? new HttpHead(OK, "", isWithoutBody, form)
        : new HttpHead(NOT_FOUND, "figures are at " + PATH, isWithoutBody, form);
  }

  private static HttpHead refused(int status, String reason) {
    return new HttpHead(status, reason, false, MetricsText.Form.PLAIN);
  }

  /** {@return the head of the answer} */
  String answer(String contentType, int length) {
    return "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n"
        .formatted(status, phrase(), contentType, length, allow());
  }

  private String allow() {
    return status == METHOD_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "";
  }

  private String phrase() {
    return switch (status) {
      case OK -> "OK";
      case NOT_FOUND -> "Not Found";
      case METHOD_NOT_ALLOWED -> "Method Not Allowed";
      case TOO_LARGE -> "Request Header Fields Too Large";
      default -> "Bad Request";
    };
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
