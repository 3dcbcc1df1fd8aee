// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.access.PeerIdentity;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How requests are taken apart: what can be read in two ways is refused. */
@Timeout(60)
class HttpHeadTest {
  private static final HttpHead.Room ROOM = _ -> {};

  private static InputStream in(String text) {
    return new ByteArrayInputStream(
        text.replace("\n", "\r\n").getBytes(StandardCharsets.ISO_8859_1));
  }

  private static HttpHead head(String text) throws IOException, HttpRefusal {
    return HttpHead.read(in(text), ROOM).orElseThrow();
  }

  @Test
  void aHeadIsRead() throws Exception {
    String text = "~PUT /metadata?key=a%2Fb HTTP/1.1~Host: h~IF-match:  \"x\" ~Content-Length: 3~~";
    HttpHead head = head(text.replace('~', '\n'));
    assertThat(head.method()).isEqualTo("PUT");
    assertThat(head.target()).isEqualTo("/metadata?key=a%2Fb");
    assertThat(head.header("if-Match")).contains("\"x\"");
    assertThat(head.header("ETag")).isEmpty();
    assertThat(head.length()).isEqualTo(3);
    assertThat(head.isKept()).isTrue();
    assertThat(head("GET http://h:1/a?b HTTP/1.1\n\n").target()).isEqualTo("/a?b");
    assertThat(head("GET HTTPS://h?b HTTP/1.1\n\n").target()).isEqualTo("/?b");
    String inKey = "/metadata?key=http://h:1/a";
    assertThat(head("GET " + inKey + " HTTP/1.1\n\n").target()).isEqualTo(inKey);
    assertThat(head("GET / HTTP/1.0\n\n").isKept()).isFalse();
    assertThat(head("GET / HTTP/1.1\nConnection: Close\n\n").isKept()).isFalse();
    assertThat(head("GET / HTTP/1.1\nConnection: close\nConnection: x\n\n").isKept()).isFalse();
    assertThat(HttpHead.read(in(""), ROOM)).isEmpty();
    assertThat(HttpHead.read(in("\n"), ROOM)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "400|GET /",
        "400|GET / HTTP/1.1 x",
        "400|G(T / HTTP/1.1",
        "400|GET mailto:a HTTP/1.1",
        "400|GET * HTTP/1.1",
        "505|GET / HTTP/2.0",
        "505|GET / http/1.1",
        "400|GET / HTTP/1.1~no colon",
        "400|GET / HTTP/1.1~: no name",
        "400|GET / HTTP/1.1~Name : blank",
        "400|GET / HTTP/1.1~A: b~ folded",
        "400|GET / HTTP/1.1~Content-Length: 1~Content-Length: 1",
        "400|GET / HTTP/1.1~Content-Length: 1~Transfer-Encoding: chunked",
        "400|GET / HTTP/1.1~Content-Length: +1",
        "400|GET / HTTP/1.1~Content-Length: 1, 1",
        "400|GET / HTTP/1.1~Host: a~Host: b",
        "400|GET / HTTP/1.1~Authorization: Bearer a~authorization: Bearer b",
        "400|GET / HTTP/1.1~If-Match: a~If-Match: b",
        "400|GET / HTTP/1.1~Content-Length: 1234567890123456789",
        "501|GET / HTTP/1.1~Transfer-Encoding: gzip",
        "501|GET / HTTP/1.1~Transfer-Encoding: chunked, chunked",
      })
  void whatIsMalformedIsRefused(int status, String text) {
    assertThatThrownBy(() -> head(text.replace('~', '\n') + "\n\n"))
        .isInstanceOfSatisfying(
            HttpRefusal.class, refusal -> assertThat(refusal.status().code()).isEqualTo(status));
  }

  /** Not every reader in front of us ends a line there, or reads on. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET / HTTP/1.1\n\n",
        "\nGET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\0\r\n\r\n",
        "GET / HTTP/1.1\r\nA: \u001b[2J\r\n\r\n",
        "GET /\0 HTTP/1.1\r\n\r\n",
        "GET /a\tb HTTP/1.1\r\n\r\n",
      })
  void whatNotEverybodyReadsAlikeIsRefused(String text) {
    InputStream in = new ByteArrayInputStream(text.getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> HttpHead.read(in, ROOM))
        .isInstanceOfSatisfying(
            HttpRefusal.class, refusal -> assertThat(refusal.status().code()).isEqualTo(400));
  }

  @Test
  void aHeadHasABoundedLength() throws Exception {
    String first = "GET / HTTP/1.1\n";
    assertThat(head(first + "A: b\n".repeat(HttpHead.HEADERS_MAX) + "\n").method())
        .isEqualTo("GET");
    for (String tooMuch :
        new String[] {
          first + "A: b\n".repeat(HttpHead.HEADERS_MAX + 1),
          first + "A: " + "b".repeat(HttpHead.BYTES_MAX),
          "G".repeat(HttpHead.BYTES_MAX + 1),
          "\n".repeat(HttpHead.BYTES_MAX),
        }) {
      assertThatThrownBy(() -> head(tooMuch + "\n\n"))
          .isInstanceOfSatisfying(
              HttpRefusal.class, refusal -> assertThat(refusal.status().code()).isEqualTo(431));
    }
    assertThatThrownBy(() -> head(first + "A: b")).isInstanceOf(EOFException.class);
    assertThatThrownBy(() -> head(first)).isInstanceOf(EOFException.class);
  }

  @Test
  void aLongHeadAsksForRoomOnItsWay() throws Exception {
    AtomicInteger taken = new AtomicInteger();
    String start = "GET /?";
    String end = " HTTP/1.1\r\n\r\n";
    int free = HttpHead.FREE_BYTES - start.length() - end.length();
    HttpHead.read(in(start + "k".repeat(free - 1) + " HTTP/1.1\n\n"), taken::addAndGet);
    assertThat(taken).hasValue(0);
    HttpHead.read(in(start + "k".repeat(free) + " HTTP/1.1\n\n"), taken::addAndGet);
    assertThat(taken.get()).isGreaterThanOrEqualTo(HttpHead.FREE_BYTES);
    taken.set(0);
    assertThatThrownBy(() -> HttpHead.read(in("k".repeat(HttpHead.BYTES_MAX)), taken::addAndGet))
        .isInstanceOf(EOFException.class);
    assertThat(taken.get()).isGreaterThanOrEqualTo(2 * HttpHead.BYTES_MAX);
    assertThatThrownBy(
            () ->
                HttpHead.read(
                    in("k".repeat(HttpHead.BYTES_MAX)),
                    _ -> {
                      throw new HttpRefusal(HttpStatus.BUSY, "full");
                    }))
        .isInstanceOf(HttpRefusal.class);
  }

  private static HttpBody body(InputStream in, String headers, AtomicInteger leaves)
      throws Exception {
    HttpHead head = head("PUT / HTTP/1.1\n" + headers + "\n");
    return new HttpBody(in, head, leaves::incrementAndGet);
  }

  private static String text(HttpBody body) throws IOException {
    return new String(body.readAllBytes(), StandardCharsets.ISO_8859_1);
  }

  private static final String CHUNKED = "Transfer-Encoding: chunked\n";

  @Test
  void aBodyEndsWhereItSays() throws Exception {
    AtomicInteger leaves = new AtomicInteger();
    InputStream in = in("abcrest");
    assertThat(text(body(in, "Content-Length: 3\n", leaves))).isEqualTo("abc");
    assertThat(in.readAllBytes()).asString().isEqualTo("rest");
    in = in("3\nabc\na;x=\"y\"\n0123456789\n0\nTrailer: t\n\nrest");
    assertThat(text(body(in, CHUNKED, leaves))).isEqualTo("abc0123456789");
    assertThat(in.readAllBytes()).asString().isEqualTo("rest");
    assertThat(text(body(in("rest"), "", leaves))).isEmpty();
    assertThat(leaves).hasValue(0);
    HttpBody asked = body(in("a"), "Expect: 100-continue\nContent-Length: 1\n", leaves);
    assertThat(asked.isShort()).isFalse();
    assertThat(text(asked)).isEqualTo("a");
    assertThat(asked.isShort()).isTrue();
    assertThat(leaves).hasValue(1);
  }

  @Test
  void whatNobodyWantsIsDroppedIfItIsShort() throws Exception {
    AtomicInteger leaves = new AtomicInteger();
    InputStream in = in("abcrest");
    HttpBody body = body(in, "Content-Length: 3\n", leaves);
    assertThat(body.isShort()).isTrue();
    body.drop();
    assertThat(in.readAllBytes()).asString().isEqualTo("rest");
    long more = HttpBody.DROPPED_BYTES_MAX + 1L;
    assertThat(body(in(""), "Content-Length: " + more + "\n", leaves).isShort()).isFalse();
    assertThat(body(in(""), CHUNKED, leaves).isShort()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"x", "''", "-1", "100000000", "3~ab", "3~abcd~0~~", "3~abc", "0~Trailer"})
  void aBodyThatIsNoneEndsTheConnection(String text) throws Exception {
    HttpBody body = body(in(text.replace('~', '\n')), CHUNKED, new AtomicInteger());
    assertThatThrownBy(() -> text(body)).isInstanceOf(IOException.class);
  }

  @Test
  void aChunksLengthIsALineOfItsOwn() throws Exception {
    for (String text : new String[] {"3\nabc\r\n0\r\n\r\n", "3;a\rb\r\nabc\r\n0\r\n\r\n"}) {
      InputStream in = new ByteArrayInputStream(text.getBytes(StandardCharsets.ISO_8859_1));
      HttpBody body = body(in, CHUNKED, new AtomicInteger());
      assertThatThrownBy(() -> text(body)).isInstanceOf(IOException.class);
    }
  }

  @Test
  void aQueryIsTakenApart() throws Exception {
    HttpHead head = head("GET /metadata?a=1&key=%C3%A4+b%26&key=c HTTP/1.1\n\n");
    HttpRequest request =
        new HttpRequest(
            head,
            InputStream.nullInputStream(),
            PeerIdentity.unproved(InetAddress.getLoopbackAddress()));
    assertThat(request.path()).isEqualTo("/metadata");
    assertThat(request.parameter("key")).isEqualTo(Optional.of("\u00e4 b&"));
    assertThat(request.parameter("b")).isEmpty();
  }
}
