// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.bench.FreePorts;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.TokenFiles;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The server with tokens: who is let in, and whose record is whose. */
@Timeout(120)
class ServerTokensTest {
  private static final String RPC_META = "mooncake%2Frpc_meta%2Fnode";
  private static final String RAM = "mooncake%2Fram%2Fnode";

  @TempDir private Path folder;
  private Path file;
  private HttpMetadataServer server;
  private final HttpClient client = HttpClient.newHttpClient();

  @BeforeEach
  void start() {
    file =
        TokenFiles.write(
            folder.resolve("tokens"), "one " + TokenFiles.SECRET, "two " + TokenFiles.OTHER_SECRET);
    server = HttpMetadataServer.start("127.0.0.1", 0, ServerSecurity.none().tokens(file));
  }

  @AfterEach
  void close() {
    client.close();
    server.close();
  }

  private HttpResponse<String> ask(String method, String target, String secret, String body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + target))
            .method(method, BodyPublishers.ofString(body));
    if (!secret.isEmpty()) {
      request.header("Authorization", "Bearer " + secret);
    }
    return client.send(request.build(), BodyHandlers.ofString());
  }

  private int status(String method, String key, String secret, String body)
      throws IOException, InterruptedException {
    return ask(method, "/metadata?key=" + key, secret, body).statusCode();
  }

  private int put(String key, String secret, String body) throws Exception {
    return status("PUT", key, secret, body);
  }

  private static String record(int port) {
    return "{\"ip_or_host_name\":\"127.0.0.1\",\"rpc_port\":" + port + "}";
  }

  /** Accepts and closes: as an engine before Probe does, which reads it and closes. */
  private static ServerSocket engine() throws IOException {
    ServerSocket engine = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                while (true) {
                  engine.accept().close();
                }
              } catch (IOException e) {
                // It has died.
              }
            });
    return engine;
  }

  @Test
  void withoutATokenNothingIsServed() throws Exception {
    try (LogCapture logs = new LogCapture()) {
      for (String target : List.of("/metadata?key=a", "/keys", "/metrics", "/segments")) {
        HttpResponse<String> answer = ask("GET", target, "", "");
        assertThat(answer.statusCode()).as(target).isEqualTo(401);
        assertThat(answer.body())
            .contains("no bearer token", "TE_METADATA_TOKEN_FILE", "--token-file");
      }
      assertThat(put("a", "", "x".repeat(1 << 20))).isEqualTo(401);
      String nearly = TokenFiles.SECRET.substring(1) + "X";
      for (String wrong : List.of(nearly, TokenFiles.SECRET + "0", "x")) {
        assertThat(ask("GET", "/keys", wrong, "").body()).contains("an unknown bearer token");
      }
      assertThat(ask("GET", "/health", "", "").statusCode()).isEqualTo(200);
      assertThat(ask("GET", "/metrics", TokenFiles.SECRET, "").body())
          .contains("te_metadata_unauthorized_total 8\n", "te_metadata_records 0\n");
      assertThat(logs.warnings()).isNotEmpty();
      assertThat(logs.warnings().getFirst()).contains("127.0.0.1", "no bearer token");
      assertThat(logs.count(nearly)).as("a secret in the log").isZero();
    }
  }

  @Test
  void aRecordIsChangedByWhoWroteItAlone() throws Exception {
    try (ServerSocket engine = engine();
        LogCapture logs = new LogCapture()) {
      assertThat(put(RPC_META, TokenFiles.SECRET, record(engine.getLocalPort()))).isEqualTo(200);
      assertThat(put(RAM, TokenFiles.SECRET, "{}")).isEqualTo(200);
      assertThat(put("other", TokenFiles.SECRET, "{}")).isEqualTo(200);
      for (String key : List.of(RAM, "other")) {
        HttpResponse<String> refused =
            ask("PUT", "/metadata?key=" + key, TokenFiles.OTHER_SECRET, "{\"mine\":1}");
        assertThat(refused.statusCode()).as(key).isEqualTo(403);
        assertThat(refused.body()).contains("belongs to token:one", "its own name");
        assertThat(status("POST", key, TokenFiles.OTHER_SECRET, "")).isEqualTo(403);
      }
      for (String key : List.of(RPC_META, RAM, "other")) {
        assertThat(status("DELETE", key, TokenFiles.OTHER_SECRET, "")).as(key).isEqualTo(403);
        assertThat(status("GET", key, TokenFiles.OTHER_SECRET, "")).isEqualTo(200);
      }
      assertThat(ask("GET", "/metrics", TokenFiles.SECRET, "").body())
          .contains("te_metadata_foreign_changes_refused_total 7\n");
      assertThat(logs.count("Refused token:two at 127.0.0.1")).isPositive();
      // The same name, perhaps after a restart.
      for (String key : List.of(RAM, "other", RPC_META)) {
        assertThat(status("POST", key, TokenFiles.SECRET, "")).as(key).isEqualTo(200);
        assertThat(status("DELETE", key, TokenFiles.SECRET, "")).as(key).isEqualTo(200);
      }
      // What nobody has is anybody's.
      assertThat(put("other", TokenFiles.OTHER_SECRET, "{}")).isEqualTo(200);
    }
  }

  @Test
  void theRecordsOfADeadEngineAreTakenOver() throws Exception {
    try (ServerSocket engine = engine()) {
      assertThat(put(RPC_META, TokenFiles.SECRET, record(engine.getLocalPort()))).isEqualTo(200);
      assertThat(put(RAM, TokenFiles.SECRET, "{}")).isEqualTo(200);
    }
    try (ServerSocket successor = engine()) {
      String taken = record(successor.getLocalPort());
      // The kernel goes on listening until the thread has left accept(2).
      Awaitility.await().until(() -> put(RPC_META, TokenFiles.OTHER_SECRET, taken) == 200);
      // Its engine lives, and it is the other's name now: so is what belongs to the name.
      assertThat(put(RAM, TokenFiles.OTHER_SECRET, "{\"mine\":1}")).isEqualTo(200);
      assertThat(put(RAM, TokenFiles.SECRET, "{}")).isEqualTo(403);
      assertThat(status("DELETE", RPC_META, TokenFiles.SECRET, "")).isEqualTo(403);
    }
  }

  /** Each probe may take seconds, and has others wait. */
  @Test
  void aKeyOfManyNamesIsNotAskedAboutForLong() throws Exception {
    int closed = FreePorts.next();
    for (String meta : List.of("x/rpc_meta/1/2/3/4/5", "x/1/rpc_meta/2/3/4/5")) {
      assertThat(put(meta, TokenFiles.SECRET, record(closed))).isEqualTo(200);
    }
    assertThat(put("x/1/2/3/4/5", TokenFiles.SECRET, "1")).isEqualTo(200);
    assertThat(put("x/1/2/3/4/5", TokenFiles.OTHER_SECRET, "2")).isEqualTo(200);
    assertThat(put("x/1/2/3/4/5", TokenFiles.SECRET, "3")).isEqualTo(200);
    for (String meta :
        List.of("x/1/2/rpc_meta/3/4/5", "x/1/2/3/rpc_meta/4/5", "x/1/2/3/4/rpc_meta/5")) {
      assertThat(put(meta, TokenFiles.SECRET, record(closed))).isEqualTo(200);
    }
    assertThat(put("x/1/2/3/4/5", TokenFiles.OTHER_SECRET, "4")).isEqualTo(403);
  }

  @Test
  void aTokenIsReplacedUnderItsName() throws Exception {
    assertThat(put("a", TokenFiles.SECRET, "1")).isEqualTo(200);
    String next = "x".repeat(64);
    TokenFiles.write(file, "one " + next, "one " + TokenFiles.SECRET);
    Awaitility.await().until(() -> put("a", next, "2") == 200);
    assertThat(put("a", TokenFiles.SECRET, "3")).isEqualTo(200);
    TokenFiles.write(file, "one " + next);
    Awaitility.await().until(() -> put("a", TokenFiles.SECRET, "4") == 401);
    assertThat(put("a", next, "5")).isEqualTo(200);
  }

  @Test
  void aFileThatCannotBeUsedIsNamedWhenItStarts() throws IOException {
    for (String line : List.of("one short", "one", "", "one " + "\u00e4".repeat(40))) {
      TokenFiles.write(file, line);
      assertThatThrownBy(
              () -> HttpMetadataServer.start("127.0.0.1", 0, ServerSecurity.none().tokens(file)))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContainingAll("--token-file", file.toString())
          .hasMessageNotContaining("default");
    }
    TokenFiles.write(file, "one " + TokenFiles.SECRET);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    assertThatThrownBy(
            () -> HttpMetadataServer.start("127.0.0.1", 0, ServerSecurity.none().tokens(file)))
        .hasMessageContainingAll("--token-file", "chmod o= " + file)
        .hasMessageNotContaining(TokenFiles.SECRET);
  }
}
