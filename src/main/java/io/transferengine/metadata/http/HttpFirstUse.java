// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.net.WaitingThreads;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The client's first exchange loads several hundred classes of the JDK. On a slow machine that
 * takes seconds, which would count as the service's. So the first exchange in a process is one with
 * ourselves. The classes have no public names, so they cannot be loaded one by one.
 */
final class HttpFirstUse {
  private static final AtomicBoolean done = new AtomicBoolean();

  /** Nobody waits for us except ourselves; this ends an exchange that something keeps from us. */
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private static final byte[] ANSWER =
      "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
          .getBytes(StandardCharsets.US_ASCII);

  private HttpFirstUse() {}

  /** Makes that exchange, once in a process. If it fails, the first call takes longer. */
  static void prepare() {
    if (!done.compareAndSet(false, true)) {
      return;
    }
    try (HttpClient client = HttpClient.newHttpClient();
        ServerSocket server = new ServerSocket()) {
      server.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 1);
      server.setSoTimeout(Math.toIntExact(LIMIT.toMillis()));
      Thread answering = WaitingThreads.start("te-http-first-use", () -> answer(server));
      try {
        // Not the client of the store: that one gives up connecting after a time of the service's.
        client.send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.getLocalPort()))
                .timeout(LIMIT)
                .build(),
            BodyHandlers.discarding());
      } finally {
        answering.interrupt();
        client.shutdownNow();
      }
    } catch (IOException e) {
      // The first call says what is wrong.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void answer(ServerSocket server) {
    try (Socket socket = server.accept()) {
      socket.setSoTimeout(Math.toIntExact(LIMIT.toMillis()));
      InputStream in = socket.getInputStream();
      // The empty line behind the headers ends a request without a body.
      int ends = 0;
      while (ends < 2) {
        int c = in.read();
        if (c < 0) {
          return;
        }
        if (c != '\r') {
          ends = c == '\n' ? ends + 1 : 0;
        }
      }
      socket.getOutputStream().write(ANSWER);
    } catch (IOException e) {
      // The client notices.
    }
  }
}
