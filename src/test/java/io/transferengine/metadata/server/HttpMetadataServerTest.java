// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metadata.HttpMetadataProtocol;
import io.transferengine.wire.Golden;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The server, asked as C++ engines ask: over a socket, in the recorded words. */
@Timeout(60)
class HttpMetadataServerTest {
  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.1 ([0-9]{3}) ");

  private final HttpMetadataServer server = HttpMetadataServer.start("127.0.0.1", 0);

  @AfterEach
  void close() {
    server.close();
  }

  /** What is answered to requests on one connection, of which the last one asks for its end. */
  private String ask(byte[] requests) throws IOException {
    byte[] last =
        "GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            .getBytes(StandardCharsets.US_ASCII);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(requests);
    all.writeBytes(last);
    return answers(all.toByteArray());
  }

  /** What is answered until the server ends the connection. */
  private String answers(byte[] requests) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      socket.setSoTimeout(30_000);
      OutputStream out = socket.getOutputStream();
      out.write(requests);
      out.flush();
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static List<Integer> statuses(String answers) {
    List<Integer> found = new ArrayList<>();
    for (Matcher matcher = STATUS.matcher(answers); matcher.find(); ) {
      found.add(Integer.parseInt(matcher.group(1)));
    }
    return found;
  }

  /** {@return the status and the rest of one answer} */
  private String one(String request) throws IOException {
    return ask(request.replace("\n", "\r\n").getBytes(StandardCharsets.UTF_8));
  }

  private int status(String request) throws IOException {
    return statuses(one(request)).getFirst();
  }

  private static String put(String query, String body, String... headers) {
    return "PUT /metadata?"
        + query
        + " HTTP/1.1\nHost: h\n"
        + String.join("", headers)
        + "Content-Length: "
        + body.length()
        + "\n\n"
        + body;
  }

  private static String get(String target) {
    return "GET " + target + " HTTP/1.1\nHost: h\n\n";
  }

  @Test
  void aRecordedEngineIsServedAsByMooncakesServer() throws IOException {
    for (String recording : List.of("02-port18080", "04-port18080", "06-port18080")) {
      String before =
          new String(Golden.bytes("http-tcp-v2/02-port18080-response.bin"), StandardCharsets.UTF_8);
      // goldT was registered by another engine then.
      int at = before.indexOf("{\"buffers\"");
      String goldT = before.substring(at, before.indexOf("\"}", at) + 2);
      assertThat(status(put("key=mooncake%2Fram%2FgoldT", goldT))).isEqualTo(200);
      assertThat(
              status(
                  put(
                      "key=mooncake%2Frpc_meta%2FgoldT",
                      "{\"ip_or_host_name\":\"127.0.0.1\",\"rpc_port\":15439}")))
          .isEqualTo(200);
      String answers = ask(Golden.bytes("http-tcp-v2/" + recording + "-request.bin"));
      String recorded =
          new String(
              Golden.bytes("http-tcp-v2/" + recording + "-response.bin"), StandardCharsets.UTF_8);
      List<Integer> expected = new ArrayList<>(statuses(recorded));
      expected.add(200); // the closing question about its health
      assertThat(statuses(answers)).isEqualTo(expected);
      assertThat(answers)
          .contains(goldT)
          .contains("{\"ip_or_host_name\":\"127.0.0.1\",\"rpc_port\":15439}");
      assertThat(one(get("/keys"))).doesNotContain("goldA");
    }
  }

  @Test
  void statusesAreAsPromised() throws IOException {
    assertThat(status(get("/metadata?key=a"))).isEqualTo(404);
    assertThat(status("DELETE /metadata?key=a HTTP/1.1\nHost: h\n\n")).isEqualTo(200);
    assertThat(status(put("key=a", "1"))).isEqualTo(200);
    assertThat(status(put("key=a", "2"))).isEqualTo(200);
    assertThat(one(get("/metadata?key=a"))).contains("\r\n\r\n2HTTP");
    assertThat(status(put("key=", "1"))).isEqualTo(400);
    assertThat(status(put("other=a", "1"))).isEqualTo(400);
    assertThat(status(get("/metadata"))).isEqualTo(400);
    assertThat(status(get("/metadata?key=%zz"))).isEqualTo(400);
    assertThat(status(get("/nothing"))).isEqualTo(404);
    assertThat(status("PATCH /metadata?key=a HTTP/1.1\nHost: h\n\n")).isEqualTo(405);
    assertThat(status("PUT /health HTTP/1.1\nHost: h\nContent-Length: 0\n\n")).isEqualTo(405);
    assertThat(status(put("key=" + "k".repeat(5000), "1"))).isEqualTo(400);
    assertThat(status(get("/health"))).isEqualTo(200);
    assertThat(one(get("/metrics"))).contains("te_metadata_records 1\n");
  }

  @Test
  void theReasonIsThatOfTheStatus() throws IOException {
    for (String[] asked :
        new String[][] {
          {"PATCH /metadata?key=a HTTP/1.1\n\n", "405 Method Not Allowed"},
          {"GET /" + "k".repeat(64 << 10) + " HTTP/1.1\n\n", "431 Request Header Fields Too Large"},
          {"GET / HTTP/1.1\nTransfer-Encoding: gzip\n\n", "501 Not Implemented"},
          {"GET / HTTP/3.0\n\n", "505 HTTP Version Not Supported"},
          {"GET /metadata HTTP/1.1\n\n", "400 Bad Request"},
        }) {
      assertThat(one(asked[0])).startsWith("HTTP/1.1 " + asked[1] + "\r\n");
    }
  }

  @Test
  void anAnswerToHeadHasNoBody() throws IOException {
    assertThat(status(put("key=a", "123"))).isEqualTo(200);
    String head = one("HEAD /metadata?key=a HTTP/1.1\nHost: h\n\n");
    assertThat(statuses(head)).containsExactly(200, 200);
    // The next answer begins right behind it.
    assertThat(head).contains("Content-Length: 3\r\n").contains("\r\n\r\nHTTP/1.1 200 ");
    assertThat(one("HEAD /nothing HTTP/1.1\nHost: h\n\n")).contains("\r\n\r\nHTTP/1.1 200 ");
  }

  /** A list of keys has one in each line. */
  @Test
  void aKeyThatLooksLikeTwoIsNotListed() throws IOException {
    for (String end : List.of("%0A", "%0D", "%0D%0A")) {
      assertThat(status(put("key=one" + end + "two", "1"))).isEqualTo(200);
    }
    assertThat(status(put("key=three", "1"))).isEqualTo(200);
    assertThat(one(get("/keys"))).contains("three").doesNotContain("one", "two");
  }

  /** Accepts and closes: as an engine before Probe does, which reads it and closes. */
  private static void live(ServerSocket owner) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                while (true) {
                  owner.accept().close();
                }
              } catch (IOException e) {
                // It has died.
              }
            });
  }

  private static String record(ServerSocket owner) {
    return "{\"ip_or_host_name\":\"127.0.0.1\",\"rpc_port\":" + owner.getLocalPort() + "}";
  }

  @Test
  void anRpcMetaRecordIsNotWrittenOverWhileItsOwnerLives() throws IOException {
    String key = "key=mooncake%2Frpc_meta%2Fa";
    String other = "{\"ip_or_host_name\":\"127.0.0.1\",\"rpc_port\":2}";
    try (ServerSocket owner = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      String own = record(owner);
      live(owner);
      assertThat(status(put(key, own))).isEqualTo(200);
      assertThat(one(put(key, other))).contains("HTTP/1.1 400", "Duplicate rpc_meta key", "alive");
      assertThat(one(put(key, own))).contains("HTTP/1.1 200", "metadata unchanged");
      assertThat(one(get("/metadata?" + key))).contains(own);
      // With a condition its writer has looked for himself.
      assertThat(status(put(key, own + " ", "If-Match: " + entityTag(own) + "\n"))).isEqualTo(200);
      assertThat(status(put("key=mooncake%2Fram%2Fa", own))).isEqualTo(200);
      assertThat(status(put("key=mooncake%2Fram%2Fa", other))).isEqualTo(200);
    }
    // The kernel goes on listening until the thread has left accept(2).
    Awaitility.await().until(() -> status(put(key, other)) == 200);
    assertThat(one(get("/metadata?" + key))).contains(other);
    assertThat(status(put(key, "garbage"))).isEqualTo(200);
    assertThat(status(put(key, other))).isEqualTo(200);
  }

  /** What a C++ engine does whose initialization failed, whatever for. */
  private static String delete(String query, String... headers) {
    return "DELETE /metadata?" + query + " HTTP/1.1\nHost: h\n" + String.join("", headers) + "\n";
  }

  @Test
  void whoWasRefusedANameDoesNotDeleteItsOwnersRecord() throws IOException {
    String key = "key=mooncake%2Frpc_meta%2Fa";
    String get = get("/metadata?" + key);
    String other = "{\"ip_or_host_name\":\"127.0.0.1\",\"rpc_port\":2}";
    try (ServerSocket owner = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      String own = record(owner);
      live(owner);
      assertThat(status(put(key, own))).isEqualTo(200);
      assertThat(status(put(key, other))).isEqualTo(400);
      assertThat(status(put(key, other))).isEqualTo(400);
      for (int refusal = 0; refusal < 2; refusal++) {
        assertThat(one(delete(key))).contains("HTTP/1.1 200", "metadata kept");
        assertThat(one(get)).contains(own);
      }
      // Each was refused once: the next to delete it may be its owner, on the same machine.
      assertThat(one(delete(key))).contains("HTTP/1.1 200", "metadata deleted");
      assertThat(status(get)).isEqualTo(404);
      // Whoever names what he deletes, as Java engines do, knows it.
      assertThat(status(put(key, own))).isEqualTo(200);
      assertThat(status(put(key, other))).isEqualTo(400);
      assertThat(one(delete(key, "If-Match: " + entityTag(own) + "\n"))).contains("deleted");
      assertThat(status(get)).isEqualTo(404);
      assertThat(one(get("/metrics"))).contains("te_metadata_deletes_refused_total 2\n");
    }
  }

  private static String entityTag(String value) {
    return HttpMetadataProtocol.entityTag(value.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void keysAreComparedAfterDecoding() throws IOException {
    assertThat(status(put("key=mooncake%2Frpc_meta%2F[::1]:1", "1"))).isIn(200, 400);
    assertThat(status(put("key=mooncake/rpc_meta/b", "2"))).isEqualTo(200);
    assertThat(one(get("/metadata?key=mooncake%2Frpc_meta%2Fb"))).contains("\r\n\r\n2HTTP");
    assertThat(one(get("/metadata?key=mooncake%2frpc%5Fmeta/b"))).contains("\r\n\r\n2HTTP");
  }

  @Test
  void aBodyThatIsTooLargeIsRefusedBeforeItIsSent() throws IOException {
    String announced =
        "PUT /metadata?key=a HTTP/1.1\r\nHost: h\r\nContent-Length: "
            + (HttpMetadataServer.RECORD_LENGTH_MAX_BYTES + 1L)
            + "\r\n\r\n";
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      socket.setSoTimeout(30_000);
      socket.getOutputStream().write(announced.getBytes(StandardCharsets.US_ASCII));
      socket.getOutputStream().flush();
      byte[] first = socket.getInputStream().readNBytes(12);
      assertThat(new String(first, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 413");
    }
    assertThat(status(get("/metadata?key=a"))).isEqualTo(404);
  }

  @Test
  void aTimeToLiveIsAskedForInSeconds() throws IOException {
    for (String wrong : List.of("0", "-1", "1.5", "abc", "86401", "")) {
      assertThat(status(put("key=a", "1", "X-TE-TTL-Seconds: " + wrong + "\n"))).isEqualTo(400);
    }
    assertThat(status(put("key=a", "1", "X-TE-TTL-Seconds: 86400\n"))).isEqualTo(200);
  }
}
