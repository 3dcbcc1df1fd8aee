// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;

/**
 * Many who mean no good to an engine, all from one address. Whatever the engine does to one of
 * them, the next one comes.
 */
final class Strangers implements AutoCloseable {
  /** Which port of the engine. */
  enum Door {
    DATA,
    HANDSHAKE
  }

  private static final int THREADS = 4;
  private static final int MIB = 1 << 20;
  private static final int RECEIVE_BUFFER_BYTES = 4096;
  private static final int ANSWER_MILLIS = 20_000;

  /** As many ranges as a vectored request may have. */
  private static final int RANGES = 1024;

  private final InetAddress from;
  private final InetSocketAddress data;
  private final InetSocketAddress handshake;
  private final long remote;
  private final Optional<SSLContext> tls;
  private final byte[] hello;
  private final List<Socket> open = Collections.synchronizedList(new ArrayList<>());

  /**
   * Comes with nobody yet.
   *
   * @param remote the address of a MiB that the engine has registered
   * @param tls has a certificate that the engine accepts, if the engine wants one
   */
  Strangers(String from, int handshakePort, int dataPort, long remote, Optional<SSLContext> tls)
      throws IOException {
    this.from = InetAddress.getByName(from);
    this.remote = remote;
    this.tls = tls;
    hello = tls.isPresent() ? hello(tls.get()) : new byte[0];
    InetAddress there = InetAddress.getLoopbackAddress();
    handshake = new InetSocketAddress(there, handshakePort);
    data = new InetSocketAddress(there, dataPort);
  }

  /** The first bytes of a TLS handshake; everybody may send the same. */
  static byte[] hello(SSLContext context) throws SSLException {
    SSLEngine engine = context.createSSLEngine();
    engine.setUseClientMode(true);
    ByteBuffer made = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
    var _ = engine.wrap(ByteBuffer.allocate(0), made);
    return Arrays.copyOf(made.array(), made.position());
  }

  private InetSocketAddress at(Door door) {
    return door == Door.DATA ? data : handshake;
  }

  /** Connect and say nothing; {@return how many came through} */
  int beSilent(int count, Door door) throws Exception {
    return each(
        count,
        _ -> {
          open.add(connect(at(door), 0));
          return true;
        });
  }

  /**
   * Say who they are not, hear the engine's answer, and say no more; {@return how many heard it}
   */
  int shakeHalf(int count, Door door) throws Exception {
    return each(
        count,
        _ -> {
          Socket socket = connect(at(door), 0);
          open.add(socket);
          return isAnswered(socket);
        });
  }

  /** As {@link #shakeHalf}, and reset; {@return how many got there} */
  int resetHalfShaken(int count, Door door) throws Exception {
    return each(
        count,
        _ -> {
          try (Socket socket = connect(at(door), RECEIVE_BUFFER_BYTES)) {
            boolean answered = isAnswered(socket);
            socket.setSoLinger(true, 0);
            return answered;
          }
        });
  }

  private boolean isAnswered(Socket socket) throws IOException {
    socket.getOutputStream().write(hello);
    return socket.getInputStream().read() >= 0;
  }

  /** Begin a request and never end it; {@return how many could begin} */
  int beSlow(int count, Door door) throws Exception {
    return each(
        count,
        i -> {
          Socket socket = connect(at(door), 0);
          open.add(socket);
          secured(socket).getOutputStream().write(door == Door.DATA ? begun(i) : begunNotify());
          return true;
        });
  }

  /** A header, a table of ranges, or a body, of which the rest is missing. */
  private byte[] begun(int index) {
    byte[] table =
        RawInitiator.vector(RawInitiator.VECTOR_WRITE, RANGES, RANGES, new long[2 * RANGES]);
    byte[] body = RawInitiator.writeRequest(remote, new byte[10_000], RawInitiator.V2);
    return switch (index % 3) {
      case 0 -> Arrays.copyOf(table, table.length - 1);
      case 1 -> Arrays.copyOf(body, body.length / 2);
      default -> Arrays.copyOf(body, 10);
    };
  }

  private static byte[] begunNotify() {
    byte[] whole = notification(8_000);
    return Arrays.copyOf(whole, whole.length - 100);
  }

  /** Ask for much and never read; {@return how many could ask} */
  int askAndNeverRead(int count) throws Exception {
    return each(
        count,
        i -> {
          Socket socket = connect(data, RECEIVE_BUFFER_BYTES);
          open.add(socket);
          secured(socket).getOutputStream().write(reads(i));
          return true;
        });
  }

  /** Ask for much, wait until answers are under way, and reset; {@return how many got there} */
  int reset(int count) throws Exception {
    return each(
        count,
        i -> {
          try (Socket socket = connect(data, RECEIVE_BUFFER_BYTES)) {
            Socket secured = secured(socket);
            secured.getOutputStream().write(reads(i));
            boolean answered = secured.getInputStream().read() >= 0;
            socket.setSoLinger(true, 0);
            return answered;
          }
        });
  }

  /** Send notifications of so many characters; {@return how many were answered in some way} */
  int sendNotifications(int count, int characters) throws Exception {
    byte[] frame = notification(characters);
    return each(count, _ -> ask(frame));
  }

  private static byte[] notification(int characters) {
    return frame(2, "{\"name\":\"n\",\"notify_msg\":\"" + "x".repeat(characters) + "\"}\n");
  }

  /** Send Metadata requests of so many bytes; {@return how many were answered} */
  int sendMetadata(int count, int bytes) throws Exception {
    StringBuilder json = new StringBuilder("{\"buffers\":[");
    while (json.length() < bytes) {
      json.append("{\"addr\":4096,\"length\":4096,\"name\":\"cpu:0\"},");
    }
    json.append("{\"addr\":1,\"length\":1,\"name\":\"\"}],\"name\":\"\",\"protocol\":\"tcp\"}\n");
    byte[] frame = frame(1, json.toString());
    return each(count, _ -> ask(frame));
  }

  private boolean ask(byte[] frame) throws IOException {
    try (Socket socket = connect(handshake, 0)) {
      Socket secured = secured(socket);
      secured.getOutputStream().write(frame);
      return secured.getInputStream().readAllBytes().length > 0;
    }
  }

  /** Large reads, small ones, and vectored ones. */
  private byte[] reads(int index) {
    ByteArrayOutputStream requests = new ByteArrayOutputStream();
    for (int i = 0; i < 4 && index % 3 == 0; i++) {
      requests.writeBytes(RawInitiator.header(MIB, remote, RawInitiator.READ | RawInitiator.V2));
    }
    for (int i = 0; i < 400 && index % 3 == 1; i++) {
      requests.writeBytes(
          RawInitiator.header(10_000, remote, index % 2 == 0 ? RawInitiator.V2 : 0));
    }
    for (int i = 0; i < 200 && index % 3 == 2; i++) {
      requests.writeBytes(
          RawInitiator.vector(
              RawInitiator.VECTOR_READ, 20_000, 2, remote, 10_000, remote + 10_000, 10_000));
    }
    return requests.toByteArray();
  }

  private static byte[] frame(int type, String json) {
    byte[] payload = json.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(9 + payload.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(1L + payload.length)
        .put((byte) type)
        .put(payload)
        .array();
  }

  private Socket connect(InetSocketAddress to, int receiveBufferBytes) throws IOException {
    Socket socket = new Socket();
    try {
      if (receiveBufferBytes > 0) {
        socket.setReceiveBufferSize(receiveBufferBytes);
      }
      socket.setSoTimeout(ANSWER_MILLIS);
      socket.bind(new InetSocketAddress(from, 0));
      socket.connect(to, ANSWER_MILLIS);
      return socket;
    } catch (Throwable t) {
      socket.close();
      throw t;
    }
  }

  /** Over TLS if there is some. Only the connection below is ever closed: without a farewell. */
  private Socket secured(Socket socket) throws IOException {
    if (tls.isEmpty()) {
      return socket;
    }
    SSLSocket secured =
        (SSLSocket)
            tls.get().getSocketFactory().createSocket(socket, "127.0.0.1", socket.getPort(), false);
    secured.startHandshake();
    return secured;
  }

  private interface Deed {
    boolean done(int index) throws IOException;
  }

  private static int each(int count, Deed deed) throws Exception {
    AtomicInteger next = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    IntFunction<Callable<Boolean>> worker =
        _ ->
            () -> {
              for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                try {
                  if (deed.done(i)) {
                    done.incrementAndGet();
                  }
                } catch (IOException e) {
                  // The engine has refused it, as it may.
                }
              }
              return true;
            };
    try (var threads = Executors.newFixedThreadPool(THREADS)) {
      List<Future<Boolean>> all = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        all.add(threads.submit(worker.apply(i)));
      }
      for (Future<Boolean> one : all) {
        boolean _ = one.get();
      }
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    }
    return done.get();
  }

  /** All of them go. */
  void leave() throws IOException {
    for (Socket socket : open) {
      socket.close();
    }
    open.clear();
  }

  @Override
  public void close() throws IOException {
    leave();
  }
}
