// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metadata.ConnectionString;
import io.transferengine.metadata.HttpMetadataProtocol;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the client says, byte by byte, and what it makes of answers that are none. */
@Timeout(60)
class HttpMetadataStoreTest {
  private static final Duration TIME = Duration.ofSeconds(30);

  private final List<String> heads = new CopyOnWriteArrayList<>();
  private volatile String answer = "";
  private ServerSocket server;
  private MetadataStore store;

  @BeforeEach
  void listen() throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::serve);
    store =
        new HttpMetadataStore(
            HttpAddress.of(
                ConnectionString.parse("http://127.0.0.1:" + server.getLocalPort() + "/metadata")),
            Optional.empty(),
            Optional.empty(),
            10);
  }

  @AfterEach
  void close() throws IOException {
    store.close();
    server.close();
  }

  private static boolean isUnavailable(Throwable failure) {
    return failure instanceof TransferException known
        && known.code() == ErrorCode.METADATA_UNAVAILABLE;
  }

  private void serve() {
    while (!server.isClosed()) {
      try {
        Socket socket = server.accept();
        Thread.ofVirtual().start(() -> answer(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void answer(Socket socket) {
    try {
      InputStream in = socket.getInputStream();
      StringBuilder head = new StringBuilder();
      while (head.indexOf("\r\n\r\n") < 0) {
        int c = in.read();
        if (c < 0) {
          return;
        }
        head.append((char) c);
      }
      heads.add(head.toString());
      socket.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
      socket.getOutputStream().flush();
      if (!answer.isEmpty()) {
        socket.close();
      }
    } catch (IOException e) {
      // The client has gone.
    }
  }

  @Test
  void itSpeaksPlainHttp11AsCurlDoes() {
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    assertThat(store.get("mooncake/rpc_meta/[::1]:12 *~'ü", TIME).orElseThrow())
        .asString()
        .isEqualTo("{}");
    assertThat(heads.getFirst())
        .startsWith(
            "GET /metadata?key=mooncake%2Frpc_meta%2F%5B%3A%3A1%5D%3A12%20%2A~%27%C3%BC"
                + " HTTP/1.1\r\n")
        .contains("Accept: */*\r\n")
        .doesNotContainIgnoringCase("upgrade")
        .doesNotContainIgnoringCase("h2c");
  }

  @ParameterizedTest
  @CsvSource({
    "http://h:8080/metadata,           http://h:8080/metadata?key=a%2Fb",
    "http://h/metadata?tenant=a,       http://h:80/metadata?tenant=a&key=a%2Fb",
    "http://h?tenant=a,                http://h:80/?tenant=a&key=a%2Fb",
    "http://h,                         http://h:80/?key=a%2Fb",
    "https://h/m,                      https://h:443/m?key=a%2Fb",
    "http://[fd00::1]:1/m,             http://[fd00::1]:1/m?key=a%2Fb",
  })
  void theKeyGoesBehindTheQueryThatWasGiven(String given, String uri) throws IOException {
    HttpAddress address = HttpAddress.of(ConnectionString.parse(given));
    assertThat(address.with("key=a%2Fb")).hasToString(uri);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://h:8080/metadata#f",
        "http://h:99999/metadata",
        "http://u:secret@h/metadata",
        "http://h:/metadata",
        "http://a b/metadata",
        "http://h/a b",
        "http:///metadata",
        "https://a_b/metadata",
      })
  void whatIsNoAddressIsRefused(String given) {
    assertThatThrownBy(() -> HttpAddress.of(ConnectionString.parse(given)))
        .isInstanceOf(TransferException.class)
        .hasMessageNotContaining("secret");
  }

  @Test
  void aNameWithAnUnderscoreIsAHost() throws IOException {
    HttpAddress address = HttpAddress.of(ConnectionString.parse("http://mooncake_master:8080/m"));
    // The name does not resolve here; it is asked for all the same, and not refused.
    assertThat(address.server().host()).isEqualTo("mooncake_master");
    assertThatThrownBy(() -> address.with("key=a")).isInstanceOf(UnknownHostException.class);
    HttpAddress known =
        new HttpAddress("http", new HostPort("127.0.0.1", server.getLocalPort()), "/m");
    assertThat(known.with("key=a").getHost()).isEqualTo("127.0.0.1");
  }

  /** The JDK's client ends when memory runs out in its thread, and throws from then on. */
  @Test
  void aClientThatHasEndedIsReplaced() throws InterruptedException {
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    assertThat(store.get("a", TIME)).isPresent();
    HttpClient first = client();
    first.shutdownNow();
    assertThat(first.awaitTermination(Duration.ofSeconds(30))).isTrue();
    assertThat(store.get("a", TIME)).isPresent();
    assertThat(client()).isNotSameAs(first);
    store.close();
    assertThatThrownBy(() -> store.get("a", TIME)).matches(HttpMetadataStoreTest::isUnavailable);
  }

  /** Whether the server is slow or the client has lost the request cannot be told. */
  @Test
  void aClientThatGaveNoAnswerIsReplaced() {
    HttpClient first = client();
    assertThatThrownBy(() -> store.get("a", Duration.ofMillis(50)))
        .matches(HttpMetadataStoreTest::isUnavailable);
    assertThat(client()).isNotSameAs(first);
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    assertThat(store.get("a", TIME)).isPresent();
  }

  private HttpClient client() {
    try (HttpClients.Lease lease = ((HttpMetadataStore) store).clients().lease()) {
      return lease.client();
    }
  }

  @Test
  void aServerThatIsSilentIsGivenUp() {
    assertThatThrownBy(() -> store.get("a", TIME))
        .matches(HttpMetadataStoreTest::isUnavailable)
        .hasMessageContaining("127.0.0.1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n",
      })
  void aServerInTroubleIsAway(String broken) {
    answer = broken;
    assertThatThrownBy(() -> store.get("a", TIME)).matches(HttpMetadataStoreTest::isUnavailable);
  }

  @ParameterizedTest
  @ValueSource(ints = {201, 204, 301, 302, 400, 401, 403})
  void otherAnswersAreRefusals(int status) {
    answer =
        "HTTP/1.1 " + status + " No\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    assertThatThrownBy(() -> store.get("a", TIME))
        .isInstanceOf(TransferException.class)
        .matches(e -> !isUnavailable(e))
        .hasMessageContaining("status " + status);
  }

  /** Ours says what is wrong in its own words; of another server, or a proxy, nothing is known. */
  @ParameterizedTest
  @CsvSource({
    "401, true, --token-file",
    "401, false, Ask who runs it",
    "403, true, have it prove",
    "403, false, Ask who runs it",
    "421, true, TE_METADATA_TLS_CERT",
    "421, false, Is this the address",
    "413, true, Do what it says",
    "405, false, Is this the address",
  })
  void theRemedyIsThatOfTheAnswer(int status, boolean ours, String remedy) {
    answer =
        "HTTP/1.1 "
            + status
            + " No\r\n"
            + (ours ? HttpMetadataProtocol.SERVER_HEADER + ": 1\r\n" : "")
            + "Content-Length: 0\r\n\r\n";
    assertThatThrownBy(() -> store.get("a", TIME)).hasMessageContaining(remedy);
  }
}
