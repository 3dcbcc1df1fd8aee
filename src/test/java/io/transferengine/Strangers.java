// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;

/**
 * Many who mean no good to an engine, all from one address. Whatever the engine does to one of
 * them, the next one comes.
 */
final class Strangers implements AutoCloseable {
  private static final int THREADS = 4;
  private static final int MIB = 1 << 20;
  private static final int RECEIVE_BUFFER_BYTES = 4096;
  private static final int ANSWER_MILLIS = 20_000;

  private final InetAddress from;
  private final InetSocketAddress data;
  private final InetSocketAddress handshake;
  private final long remote;
  private final List<SocketChannel> open = Collections.synchronizedList(new ArrayList<>());

  /**
   * Comes with nobody yet.
   *
   * @param remote the address of a MiB that the engine has registered
   */
  Strangers(String from, int handshakePort, long remote) throws IOException {
    this.from = InetAddress.getByName(from);
    this.remote = remote;
    InetAddress there = InetAddress.getLoopbackAddress();
    handshake = new InetSocketAddress(there, handshakePort);
    data = new InetSocketAddress(there, RawInitiator.dataPort(handshakePort));
  }

  /** Connect and say nothing; {@return how many came through} */
  int beSilent(int count, boolean atHandshakePort) throws Exception {
    return each(
        count,
        _ -> {
          open.add(connect(atHandshakePort ? handshake : data, 0));
          return true;
        });
  }

  /** Ask for much and never read; {@return how many could ask} */
  int askAndNeverRead(int count) throws Exception {
    return each(
        count,
        i -> {
          SocketChannel channel = connect(data, RECEIVE_BUFFER_BYTES);
          open.add(channel);
          channel.write(ByteBuffer.wrap(reads(i)));
          return true;
        });
  }

  /** Ask for much, wait until answers are under way, and reset; {@return how many got there} */
  int reset(int count) throws Exception {
    return each(
        count,
        i -> {
          try (Socket socket = socket(data, RECEIVE_BUFFER_BYTES)) {
            socket.getOutputStream().write(reads(i));
            boolean answered = socket.getInputStream().read() >= 0;
            socket.setSoLinger(true, 0);
            return answered;
          }
        });
  }

  /** Send notifications of so many characters; {@return how many were answered in some way} */
  int sendNotifications(int count, int characters) throws Exception {
    byte[] frame = frame(2, "{\"name\":\"n\",\"notify_msg\":\"" + "x".repeat(characters) + "\"}\n");
    return each(count, _ -> ask(frame));
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
    try (Socket socket = socket(handshake, 0)) {
      socket.getOutputStream().write(frame);
      return socket.getInputStream().readAllBytes().length > 0;
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

  private SocketChannel connect(InetSocketAddress to, int receiveBufferBytes) throws IOException {
    SocketChannel channel = SocketChannel.open();
    try {
      if (receiveBufferBytes > 0) {
        channel.setOption(StandardSocketOptions.SO_RCVBUF, receiveBufferBytes);
      }
      channel.bind(new InetSocketAddress(from, 0));
      channel.connect(to);
      return channel;
    } catch (Throwable t) {
      channel.close();
      throw t;
    }
  }

  private Socket socket(InetSocketAddress to, int receiveBufferBytes) throws IOException {
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
    for (SocketChannel channel : open) {
      channel.close();
    }
    open.clear();
  }

  @Override
  public void close() throws IOException {
    leave();
  }
}
