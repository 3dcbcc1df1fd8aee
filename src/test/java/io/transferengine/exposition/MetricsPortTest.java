// SPDX-License-Identifier: Apache-2.0
package io.transferengine.exposition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.HeardEvents;
import io.transferengine.testkit.LogCapture;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The port for figures, spoken to by sockets. */
@Timeout(60)
class MetricsPortTest {
  private static final String REQUEST = "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n";

  private final EngineMetrics metrics = new EngineMetrics();
  private final List<Socket> sockets = new ArrayList<>();
  private volatile @Nullable Error failure;

  private final MetricsText text =
      new MetricsText() {
        @Override
        public String contentType(Form form) {
          return form == Form.PLAIN ? "text/of-this-test" : "text/with-exemplars";
        }

        @Override
        public byte[] now(Form form) {
          Error thrown = failure;
          if (thrown != null) {
            failure = null;
            throw thrown;
          }
          return "a 1\n".getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public void close() {}
      };

  private final MetricsPort port;

  MetricsPortTest() throws IOException {
    port = open(MetricsPort.LIMIT);
  }

  private MetricsPort open(Duration limit) throws IOException {
    return new MetricsPort(
        new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), text, metrics, limit);
  }

  @AfterEach
  void close() throws IOException {
    port.close();
    for (Socket each : sockets) {
      each.close();
    }
  }

  private Socket connect(MetricsPort to) throws IOException {
    Socket made = new Socket(to.address().getAddress(), to.address().getPort());
    sockets.add(made);
    return made;
  }

  /** All that is answered until the end; empty for a reset. */
  private String ask(MetricsPort of, String request) {
    try {
      Socket socket = connect(of);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "";
    }
  }

  private long refused() {
    return metrics.snapshot().get(Counter.METRICS_REQUESTS_REFUSED);
  }

  @Test
  void figuresAreServed() {
    assertThat(ask(port, REQUEST))
        .isEqualTo(
            String.join(
                "\r\n",
                "HTTP/1.1 200 OK",
                "Content-Type: text/of-this-test",
                "Content-Length: 4",
                "Connection: close",
                "",
                "a 1\n"));
    assertThat(ask(port, "HEAD /metrics?all HTTP/1.0\r\n\r\n"))
        .startsWith("HTTP/1.1 200 OK\r\n")
        .contains("Content-Length: 4\r\n")
        .endsWith("\r\n\r\n");
    assertThat(ask(port, "GET /metrics HTTP/1.1\n\n")).endsWith("\na 1\n");
    assertThat(refused()).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "GET / HTTP/1.1,404 Not Found,figures are at /metrics",
    "POST /metrics HTTP/1.1,405 Method Not Allowed,only GET and HEAD",
    "GET /metrics,400 Bad Request,no request of HTTP 1",
    "'',400 Bad Request,no request of HTTP 1",
    "GET /metrics SMTP,400 Bad Request,no request of HTTP 1",
  })
  void otherRequestsAreRefusedAndCounted(String line, String status, String text) {
    HeardEvents heard = new HeardEvents();
    metrics.events().add(heard);
    assertThat(ask(port, line + "\r\n\r\n")).startsWith("HTTP/1.1 " + status).contains(text);
    assertThat(refused()).isOne();
    EngineEvent event = heard.first(EngineEvent.Kind.REFUSED, Counter.METRICS_REQUESTS_REFUSED);
    assertThat(event.peer()).isEqualTo("127.0.0.1");
    assertThat(event.what()).contains(text);
  }

  @Test
  void anEndlessRequestIsNotKept() {
    String answer = ask(port, "GET /metrics HTTP/1.1\r\n" + "a".repeat(HttpHead.BYTES_MAX));
    assertThat(answer).startsWith("HTTP/1.1 431 ");
    assertThat(refused()).isOne();
  }

  @Test
  void whoConnectsAndLeavesIsNoMatter() throws IOException {
    Socket probe = connect(port);
    probe.shutdownOutput();
    assertThat(probe.getInputStream().read()).isEqualTo(-1);
    assertThat(refused()).isZero();
    assertThat(ask(port, REQUEST)).endsWith("a 1\n");
  }

  @Test
  void silentConnectionsMakeRoom() throws IOException {
    Socket first = connect(port);
    for (int i = 1; i < MetricsPort.CONNECTIONS_LIMIT; i++) {
      var _ = connect(port);
    }
    // They keep their places for a moment.
    await().until(() -> ask(port, REQUEST).endsWith("a 1\n"));
    assertThat(refused()).isPositive();
    assertThat(hasEnded(first)).isTrue();
  }

  private static boolean hasEnded(Socket socket) {
    try {
      return socket.getInputStream().read() < 0;
    } catch (IOException e) {
      return true;
    }
  }

  @Test
  void whoIsTooSlowIsCutOff() throws IOException {
    try (MetricsPort impatient = open(Duration.ofMillis(200))) {
      Socket slow = connect(impatient);
      slow.getOutputStream().write("GET /met".getBytes(StandardCharsets.US_ASCII));
      assertThat(hasEnded(slow)).isTrue();
      await().until(() -> refused() == 1);
      // It may be too slow itself, on a busy machine.
      await().until(() -> ask(impatient, REQUEST).endsWith("a 1\n"));
    }
  }

  @Test
  void whatMakingTheTextThrowsEndsOneConnection() {
    try (LogCapture log = new LogCapture()) {
      failure = new OutOfMemoryError("of this test");
      assertThat(ask(port, REQUEST)).isEmpty();
      assertThat(ask(port, REQUEST)).endsWith("a 1\n");
      assertThat(log.warnings()).anyMatch(line -> line.contains("Serving figures failed"));
    }
  }

  @Test
  void closingEndsConnectionsAndTheListener() throws IOException {
    Socket open = connect(port);
    port.close();
    port.close();
    assertThat(hasEnded(open)).isTrue();
    assertThatThrownBy(() -> connect(port)).isInstanceOf(ConnectException.class);
  }
}
