// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.net.Turns;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.tls.PemFiles;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyManagementException;
import java.security.NoSuchAlgorithmException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The server with TLS: who is let in, and what the others and their operators are told. */
@Timeout(120)
class ServerTlsTest {
  @TempDir private static Path made;
  private static TestAuthority authority;
  private static Identity server;
  private static Identity client;

  @BeforeAll
  static void certificates() {
    authority = new TestAuthority(made, "authority");
    server = authority.loopback("server");
    client = authority.issue("client", "-ext", "san=dns:node-a");
  }

  private static ServerSecurity tls(Identity identity) {
    return ServerSecurity.none().tls(identity.certificate(), identity.key());
  }

  private static HttpMetadataServer start(ServerSecurity security) {
    return HttpMetadataServer.start("127.0.0.1", 0, security);
  }

  /** {@return TLS of somebody who believes the authority and has no certificate} */
  private static SSLContext anonymous() throws NoSuchAlgorithmException, KeyManagementException {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(
        null,
        PemFiles.trustManagers(PemFiles.certificates("test", authority.certificate().toString())),
        null);
    return context;
  }

  private static HttpResponse<String> send(
      HttpMetadataServer to, SSLContext tls, HttpRequest.Builder request, String target)
      throws IOException, InterruptedException {
    try (HttpClient asking =
        HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).sslContext(tls).build()) {
      return asking.send(
          request.uri(URI.create("https://127.0.0.1:" + to.port() + target)).build(),
          BodyHandlers.ofString());
    }
  }

  private static int status(HttpMetadataServer to, SSLContext tls) throws Exception {
    return send(to, tls, HttpRequest.newBuilder(), "/health").statusCode();
  }

  @Test
  void requestsAreServedOverTls13Alone() throws Exception {
    try (HttpMetadataServer own = start(tls(server))) {
      assertThat(own.connectionString("127.0.0.1")).startsWith("https://");
      String large = "x".repeat(1 << 20);
      assertThat(
              send(
                      own,
                      anonymous(),
                      HttpRequest.newBuilder().PUT(BodyPublishers.ofString(large)),
                      "/metadata?key=a")
                  .statusCode())
          .isEqualTo(200);
      assertThat(send(own, anonymous(), HttpRequest.newBuilder(), "/metadata?key=a").body())
          .isEqualTo(large);
      try (LogCapture logs = new LogCapture();
          SSLSocket old =
              (SSLSocket) anonymous().getSocketFactory().createSocket("127.0.0.1", own.port())) {
        old.setEnabledProtocols(new String[] {"TLSv1.2"});
        assertThatThrownBy(old::startHandshake).hasMessageContaining("protocol_version");
        Awaitility.await().until(() -> logs.count("it speaks no TLS 1.3") == 1);
      }
    }
  }

  @Test
  void withAnAuthorityOfClientsNobodyElseIsLetIn() throws Exception {
    Identity stranger = new TestAuthority(made, "stranger").issue("stranger");
    try (HttpMetadataServer own = start(tls(server).clientAuthorities(authority.certificate()));
        LogCapture logs = new LogCapture()) {
      assertThat(status(own, client.context())).isEqualTo(200);
      assertThatThrownBy(() -> status(own, anonymous())).isInstanceOf(IOException.class);
      Awaitility.await()
          .until(
              () ->
                  logs.count("it sent no certificate") == 1
                      && logs.count("TE_METADATA_TLS_CERT") == 1
                      && logs.count("--tls-client-ca") == 1);
      assertThatThrownBy(() -> status(own, stranger.believing(authority).context()))
          .isInstanceOf(IOException.class);
      assertThat(send(own, client.context(), HttpRequest.newBuilder(), "/metrics").body())
          // The JDK's client tries more than once.
          .containsPattern("te_metadata_connections_refused_total [2-9]\n");
    }
  }

  /** The other side of each wrong mode is told at once, and so is the log. */
  @Test
  void theWrongModeIsNamedOnBothSides() throws Exception {
    try (HttpMetadataServer secure = start(tls(server));
        HttpMetadataServer plain = start(ServerSecurity.none());
        LogCapture logs = new LogCapture()) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), secure.port())) {
        socket.setSoTimeout(60_000);
        socket
            .getOutputStream()
            .write("GET /health HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        assertThat(new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
            .startsWith("HTTP/1.1 400 ")
            .contains("this port speaks TLS", "https://");
      }
      Awaitility.await().until(() -> logs.count("it speaks without TLS; name this server") == 1);
      try (SSLSocket socket =
          (SSLSocket) anonymous().getSocketFactory().createSocket("127.0.0.1", plain.port())) {
        assertThatThrownBy(socket::startHandshake)
            .isInstanceOf(SSLException.class)
            .hasMessageContaining("unexpected_message");
      }
      assertThat(logs.count("it wants TLS, and there is none here")).isOne();
      assertThat(logs.count("--tls-cert")).isOne();
    }
  }

  /** What one address has under way, another waits for: for a turn of it, not for all. */
  @Test
  void handshakesGoOnByTurns() throws Exception {
    Access access = Access.of(tls(server));
    Turns turns = access.tls().orElseThrow().handshakes();
    List<Turns.Turn> all = new ArrayList<>();
    try (HttpPort own =
        new HttpPort(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            10,
            _ -> HttpAnswer.text(HttpStatus.OK, "ok"),
            access.tls(),
            new Refusals(),
            RequestMemory.of(0, 0, 0))) {
      own.start();
      assertThatThrownBy(
              () -> {
                while (true) {
                  all.add(turns.take(InetAddress.ofLiteral("192.0.2.1"), System.nanoTime()));
                }
              })
          .isInstanceOf(TimeoutException.class);
      long waited = access.tls().get().handshakesWaited();
      FutureTask<String> asked =
          new FutureTask<>(
              () -> {
                try (SSLSocket socket =
                    (SSLSocket)
                        anonymous()
                            .getSocketFactory()
                            .createSocket("127.0.0.1", own.address().getPort())) {
                  return socket.getSession().getProtocol();
                }
              });
      Thread.ofVirtual().start(asked);
      Awaitility.await().until(() -> access.tls().get().handshakesWaited() > waited);
      assertThat(asked.isDone()).isFalse();
      all.removeLast().end();
      assertThat(asked.get()).isEqualTo("TLSv1.3");
    } finally {
      all.forEach(Turns.Turn::end);
    }
  }

  private static Path copy(Path from, String name) throws IOException {
    return Files.copy(from, made.resolve(name), StandardCopyOption.REPLACE_EXISTING);
  }

  @Test
  void aFileThatCannotBeUsedIsNamedWhenItStarts() throws IOException {
    Path none = made.resolve("none.pem");
    assertThatThrownBy(() -> start(ServerSecurity.none().tls(none, server.key())))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("--tls-cert", none.toString(), "there is no such file")
        // There is none, and without these options everybody would be let in.
        .hasMessageNotContaining("default");
    assertThatThrownBy(() -> start(ServerSecurity.none().tls(server.certificate(), client.key())))
        .hasMessageContainingAll("--tls-key", client.key().toString(), "it is not the key of");
    Path open = copy(server.key(), "open.key");
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rw-r--r--"));
    assertThatThrownBy(() -> start(ServerSecurity.none().tls(server.certificate(), open)))
        .hasMessageContainingAll("--tls-key", "chmod o= " + open);
    Identity old = authority.issue("old", "-startdate", "-10d", "-validity", "5");
    assertThatThrownBy(() -> start(tls(old)))
        .hasMessageContainingAll("--tls-cert", old.certificate().toString(), "expired on");
    assertThatThrownBy(() -> start(tls(server).clientAuthorities(server.key())))
        .hasMessageContainingAll("--tls-client-ca", server.key().toString());
    assertThatThrownBy(
            () -> start(ServerSecurity.none().clientAuthorities(authority.certificate())))
        .hasMessageContainingAll("--tls-client-ca", "--tls-cert");
  }

  @Test
  void filesThatChangeAreReadAgain() throws Exception {
    Path certificate = copy(server.certificate(), "changing.pem");
    Path key = copy(server.key(), "changing.key");
    try (HttpMetadataServer own = start(ServerSecurity.none().tls(certificate, key))) {
      assertThat(subject(own)).isEqualTo("CN=server");
      Identity next = authority.loopback("next");
      copy(next.key(), "changing.key");
      copy(next.certificate(), "changing.pem");
      Awaitility.await().until(() -> subject(own).equals("CN=next"));
    }
  }

  private static String health(SSLSocket socket) throws IOException {
    socket
        .getOutputStream()
        .write("GET /health HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    byte[] answer = new byte[1 << 12];
    int length = socket.getInputStream().read(answer);
    return new String(answer, 0, Math.max(0, length), StandardCharsets.UTF_8);
  }

  private static SSLSocket connected(HttpMetadataServer to, Identity identity) throws Exception {
    return (SSLSocket) identity.context().getSocketFactory().createSocket("127.0.0.1", to.port());
  }

  private static void losesItsConnection(SSLSocket kept, String why) throws IOException {
    String[] last = {""};
    Awaitility.await()
        .atMost(Duration.ofSeconds(100))
        .until(
            () -> {
              last[0] = health(kept);
              return !last[0].startsWith("HTTP/1.1 200 ");
            });
    assertThat(last[0])
        .startsWith("HTTP/1.1 421 ")
        .contains("Connection: close", "accepted no more", why);
    assertThat(kept.getInputStream().read()).isEqualTo(-1);
  }

  @Test
  void aClientWhoseAuthorityIsGoneLosesItsConnection() throws Exception {
    TestAuthority next = new TestAuthority(made, "next-authority");
    Path file = copy(authority.certificate(), "clients.pem");
    try (HttpMetadataServer own = start(tls(server).clientAuthorities(file));
        SSLSocket kept = connected(own, client);
        LogCapture logs = new LogCapture()) {
      assertThat(health(kept)).startsWith("HTTP/1.1 200 ");
      // Beside another one it is still there: whoever is known now was read anew.
      Files.writeString(
          file, Files.readString(authority.certificate()) + Files.readString(next.certificate()));
      Identity other = next.issue("other").believing(authority);
      Awaitility.await()
          .ignoreExceptions()
          .until(() -> send(own, other.context(), HttpRequest.newBuilder(), "/health") != null);
      assertThat(health(kept)).startsWith("HTTP/1.1 200 ");
      copy(next.certificate(), "clients.pem");
      losesItsConnection(kept, "--tls-client-ca");
      assertThat(logs.count("--tls-client-ca")).isPositive();
    }
  }

  private static boolean isServed(SSLSocket socket) {
    try {
      return health(socket).startsWith("HTTP/1.1 200 ");
    } catch (IOException refused) {
      return false;
    }
  }

  /** On a starved machine a certificate may have expired before it is first shown. */
  @Test
  @Timeout(300)
  void aClientWhoseCertificateExpiresLosesItsConnection() throws Exception {
    try (HttpMetadataServer own = start(tls(server).clientAuthorities(authority.certificate()))) {
      boolean isServed = false;
      for (int seconds = 15; !isServed && seconds <= 60; seconds *= 2) {
        Identity brief =
            authority.issue(
                "brief-" + seconds, "-startdate", "-1d+" + seconds + "S", "-validity", "1");
        try (SSLSocket kept = connected(own, brief)) {
          isServed = isServed(kept);
          if (isServed) {
            losesItsConnection(kept, "expired");
          }
        }
      }
      assertThat(isServed).as("was let in before its certificate expired").isTrue();
    }
  }

  private static String subject(HttpMetadataServer own) throws Exception {
    try (SSLSocket socket =
        (SSLSocket) anonymous().getSocketFactory().createSocket("127.0.0.1", own.port())) {
      return ((X509Certificate) socket.getSession().getPeerCertificates()[0])
          .getSubjectX500Principal()
          .getName();
    }
  }
}
