// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.metadata.ConnectionString;
import io.transferengine.testkit.ChildJvm;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the JDK's client keeps of an answer that it cannot read goes away with the client. */
@Timeout(60)
class HttpClientsTest {
  private static final int REQUESTS = 20;

  private final AtomicInteger ended = new AtomicInteger();

  private void serve(ServerSocket server, String answer) {
    try {
      while (true) {
        Socket socket = server.accept();
        Thread.ofVirtual().start(() -> answer(socket, answer));
      }
    } catch (IOException closed) {
      // The test is over.
    }
  }

  private void answer(Socket socket, String answer) {
    try (socket) {
      int _ = socket.getInputStream().read(new byte[4096]);
      socket.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
      while (socket.getInputStream().read() >= 0) {}
    } catch (IOException reset) {
      // This is an end, too.
    }
    ended.incrementAndGet();
  }

  /** Found by fuzzing: each such answer took a descriptor for good. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 4x0 Odd\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "garbage\r\n\r\n"
      })
  void noConnectionStaysOfAnswersThatCannotBeRead(String answer) throws IOException {
    try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        HttpMetadataStore store =
            new HttpMetadataStore(
                HttpAddress.of(
                    ConnectionString.parse(
                        "http://127.0.0.1:" + server.getLocalPort() + "/metadata")),
                Optional.empty(),
                Optional.empty(),
                10)) {
      Thread.ofVirtual().start(() -> serve(server, answer));
      for (int i = 0; i < REQUESTS; i++) {
        assertThatThrownBy(() -> store.get("a", Duration.ofSeconds(30)))
            .isInstanceOf(TransferException.class);
      }
      await().until(() -> ended.get() == REQUESTS);
    }
  }

  @Test
  void withoutDescriptorsTheErrorNamesTheLimit() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("bash", "-c", "ulimit -n 300; exec \"$@\"", "bash"),
            List.of(),
            ChildJvm.classPath(_ -> true),
            List.of(),
            NoDescriptorsMain.class);
    assertThat(result.exitStatus()).as(result.output()).isZero();
    assertThat(result.output())
        .contains("made: ")
        .contains("cannot be reached", "Too many open files", "ulimit -n");
  }

  @Test
  void aClientEndsWhenItIsSpoiltAndUnused() {
    try (HttpClients clients = new HttpClients(HttpClient::newHttpClient)) {
      HttpClient spoilt;
      try (HttpClients.Lease one = clients.lease()) {
        spoilt = one.client();
        try (HttpClients.Lease other = clients.lease()) {
          assertThat(other.client()).isSameAs(spoilt);
          other.spoilt();
        }
        try (HttpClients.Lease next = clients.lease()) {
          assertThat(next.client()).isNotSameAs(spoilt);
        }
        assertThat(spoilt.isTerminated()).as("a request uses it").isFalse();
      }
      await().until(spoilt::isTerminated);
      assertThat(clients.count()).isOne();
    }
  }

  @Test
  void closingEndsWhatIsStillUsed() {
    HttpClients clients = new HttpClients(HttpClient::newHttpClient);
    try (HttpClients.Lease one = clients.lease()) {
      one.spoilt();
      try (HttpClients.Lease other = clients.lease()) {
        clients.close();
        await().until(() -> one.client().isTerminated() && other.client().isTerminated());
      }
    }
  }

  @Test
  void aClientThatHasEndedIsLeft() {
    try (HttpClients clients = new HttpClients(HttpClient::newHttpClient)) {
      for (int i = 0; i < 3; i++) {
        try (HttpClients.Lease used = clients.lease()) {
          used.client().shutdownNow();
          await().until(used.client()::isTerminated);
          clients.lease().close();
          assertThat(clients.count()).isEqualTo(2);
        }
        assertThat(clients.count()).isOne();
      }
    }
  }

  @Test
  void aClientIsGivenBackWhileAnotherIsMade() throws Exception {
    CompletableFuture<Boolean> goOn = new CompletableFuture<>();
    AtomicInteger made = new AtomicInteger();
    try (HttpClients clients =
        new HttpClients(
            () -> {
              if (made.incrementAndGet() == 2) {
                boolean _ = goOn.join();
              }
              return HttpClient.newHttpClient();
            })) {
      HttpClients.Lease used = clients.lease();
      used.spoilt();
      FutureTask<HttpClients.Lease> next = new FutureTask<>(clients::lease);
      Thread.ofVirtual().start(next);
      await().until(() -> made.get() == 2);
      FutureTask<Boolean> back =
          new FutureTask<>(
              () -> {
                used.close();
                return true;
              });
      Thread.ofVirtual().start(back);
      try {
        assertThat(back.get(30, TimeUnit.SECONDS)).isTrue();
        assertThat(next.isDone()).isFalse();
      } finally {
        goOn.complete(true);
      }
      next.get().close();
    }
  }
}
