// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.access.PeerIdentity;
import io.transferengine.net.Farewell;
import io.transferengine.net.Place;
import io.transferengine.net.TurnInput;
import io.transferengine.net.Watchdog;
import io.transferengine.tls.ServerTls;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;

/**
 * A client's connection: the TLS handshake if there is TLS, then requests, one after the other, on
 * a thread of its own. Every step has a time limit, at which the channel is closed.
 */
final class HttpConnection {
  /** For the TLS handshake, from the first connect on: a client needs two round trips. */
  static final Duration HANDSHAKE_LIMIT = Duration.ofSeconds(10);

  /** Between two requests, and before the first. */
  static final Duration IDLE_LIMIT = Duration.ofSeconds(30);

  /** For a request, body included; and once more for its answer. */
  static final Duration REQUEST_LIMIT = Duration.ofSeconds(30);

  private static final byte[] CONTINUE =
      "HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  private final SocketChannel channel;
  private final Place place;
  private final HttpHandler handler;
  private final Optional<ServerTls> tls;
  private final Refusals refusals;
  private final RequestMemory memory;

  HttpConnection(
      SocketChannel channel,
      Place place,
      HttpHandler handler,
      Optional<ServerTls> tls,
      Refusals refusals,
      RequestMemory memory) {
    this.channel = channel;
    this.place = place;
    this.handler = handler;
    this.tls = tls;
    this.refusals = refusals;
    this.memory = memory;
  }

  /** Both directions of the connection, and who is at its other end. */
  private record Stream(
      Socket socket,
      InputStream in,
      OutputStream out,
      PeerIdentity peer,
      Optional<ServerTls.Client> client) {
    static Stream of(Socket socket, PeerIdentity peer) throws IOException {
      return of(socket, peer, Optional.empty());
    }

    static Stream of(Socket socket, PeerIdentity peer, Optional<ServerTls.Client> client)
        throws IOException {
      return new Stream(
          socket,
          new BufferedInputStream(socket.getInputStream()),
          socket.getOutputStream(),
          peer,
          client);
    }

    void endOutput() throws IOException {
      if (socket instanceof SSLSocket secure) {
        secure.shutdownOutput();
      }
    }
  }

  /**
   * Serves the client until it leaves or is refused.
   *
   * @throws IOException if the connection broke, was too slow, or was closed
   */
  void serve() throws IOException {
    Optional<Stream> opened = tls.isPresent() ? secured(tls.get()) : plain();
    if (opened.isEmpty()) {
      return;
    }
    Stream stream = opened.get();
    while (firstByte(stream) >= 0 && place.begin() && serveOne(stream)) {
      place.rest();
    }
  }

  private InetAddress address() {
    return channel.socket().getInetAddress();
  }

  private Optional<Stream> plain() throws IOException {
    Stream stream = Stream.of(channel.socket(), unproved());
    if (firstByte(stream) != Farewell.TLS_HELLO) {
      return Optional.of(stream);
    }
    refusals.connection(
        address(),
        "it wants TLS, and there is none here; name this server http://, or give it a certificate"
            + " (--tls-cert, --tls-key)");
    Farewell.alert(channel);
    return Optional.empty();
  }

  private Optional<Stream> secured(ServerTls security) throws IOException {
    Socket socket = channel.socket();
    long deadlineNanos = System.nanoTime() + HANDSHAKE_LIMIT.toNanos();
    try (var _ = Watchdog.closeAfter(HANDSHAKE_LIMIT, channel)) {
      int first = socket.getInputStream().read();
      if (first < 0) {
        return Optional.empty();
      }
      if (first != Farewell.TLS_HELLO) {
        refusePlain(socket);
        return Optional.empty();
      }
      TurnInput in =
          new TurnInput(
              first, socket.getInputStream(), security.handshakes(), address(), deadlineNanos);
      ServerTls.Client client = security.accepted(socket, in);
      SSLSocket secure = client.socket();
      try {
        List<String> names =
            in.handshake(
                () -> {
                  secure.startHandshake();
                  return client.verify();
                });
        return Optional.of(
            Stream.of(
                secure,
                names.isEmpty() ? unproved() : PeerIdentity.proved(address(), names),
                Optional.of(client)));
      } catch (IOException e) {
        boolean isLate = System.nanoTime() - deadlineNanos >= 0;
        // Else its place is given away, or the server is closed.
        if (isLate || channel.isOpen()) {
          refusals.connection(
              address(),
              isLate
                  ? "it did not finish the TLS handshake in " + HANDSHAKE_LIMIT.toSeconds() + " s"
                  : security.refusal(e));
        }
        Farewell.linger(channel);
        return Optional.empty();
      }
    }
  }

  private PeerIdentity unproved() {
    return PeerIdentity.unproved(address());
  }

  private void refusePlain(Socket socket) throws IOException {
    String text = "this port speaks TLS: name this server https://";
    refusals.connection(
        address(), "it speaks without TLS; " + text.substring(text.indexOf("name")));
    Stream stream = Stream.of(socket, unproved());
    HttpAnswer.refusal(HttpStatus.BAD_REQUEST, text).writeTo(stream.out, false, true);
    Farewell.linger(channel);
  }

  /** {@return the first byte of the next request, which stays to be read; -1 if there is none} */
  private int firstByte(Stream stream) throws IOException {
    try (var _ = Watchdog.closeAfter(IDLE_LIMIT, channel)) {
      stream.in.mark(1);
      int first = stream.in.read();
      stream.in.reset();
      return first;
    }
  }

  /** What is answered to a request. */
  private static final class Reply {
    private HttpAnswer answer = HttpAnswer.fault();
    private boolean hasBody = true;

    /** Of the request, if another may follow it. */
    private Optional<HttpBody> rest = Optional.empty();
  }

  /** {@return whether another request may follow} */
  private boolean serveOne(Stream stream) throws IOException {
    Reply reply = new Reply();
    try {
      try (var _ = Watchdog.closeAfter(REQUEST_LIMIT, channel)) {
        if (!take(stream, reply)) {
          return false;
        }
      }
      try (var _ = Watchdog.closeAfter(REQUEST_LIMIT, channel)) {
        // Before the rest of the body: a client may wait for the answer and not send it.
        reply.answer.writeTo(stream.out, reply.rest.isPresent(), reply.hasBody);
        reply.answer.close();
        if (reply.rest.isPresent()) {
          reply.rest.get().drop();
        } else {
          Farewell.linger(channel, stream::endOutput);
        }
      }
      return reply.rest.isPresent();
    } finally {
      reply.answer.close();
    }
  }

  /** Reads a request and finds the answer; {@return whether there was one} */
  private boolean take(Stream stream, Reply reply) throws IOException {
    try (HeldBytes.Held held = memory.heads().by(address())) {
      Optional<HttpHead> head = HttpHead.read(stream.in, held::add);
      if (head.isEmpty()) {
        return false;
      }
      reply.hasBody = !head.get().method().equals("HEAD");
      requireLetIn(stream);
      HttpBody body = new HttpBody(stream.in, head.get(), () -> stream.out.write(CONTINUE));
      reply.answer = handler.answer(new HttpRequest(head.get(), body, stream.peer));
      reply.rest = Optional.of(body).filter(read -> head.get().isKept() && read.isShort());
    } catch (HttpRefusal e) {
      reply.answer = e.answer();
    } catch (RuntimeException | Error e) {
      refusals.fault(e);
      reply.answer.close();
      reply.answer = HttpAnswer.fault();
    }
    return true;
  }

  /** A connection may be older than what it was let in by. */
  private void requireLetIn(Stream stream) throws HttpRefusal {
    if (stream.client.isEmpty() || tls.isEmpty()) {
      return;
    }
    try {
      stream.client.get().check();
    } catch (SSLException e) {
      String why = tls.get().refusal(e);
      refusals.connection(address(), why);
      throw new HttpRefusal(
          HttpStatus.MISDIRECTED, "this client's certificate is accepted no more: " + why);
    }
  }
}
