// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** Carries the bytes of connections to another port, and damages those that it is told to. */
final class FlippingRelay implements AutoCloseable {
  /** Which way bytes go. */
  enum Way {
    TO_TARGET,
    TO_INITIATOR
  }

  /** Says what becomes of the bytes of one way, which are counted since it was set. */
  interface Damage {
    /** {@return the bits to turn over in that byte; 0 for none} */
    int mask(long offset);
  }

  private final ServerSocket server;
  private final int target;
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();
  private final Map<Way, Long> passed = new EnumMap<>(Way.class);
  private Way way = Way.TO_TARGET;
  private Damage damage = _ -> 0;
  private long flips;

  FlippingRelay(int target) throws IOException {
    this.target = target;
    server = new ServerSocket(0, 128, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  /** From the next byte on. */
  synchronized void damages(Way which, Damage how) {
    way = which;
    damage = how;
    passed.clear();
    flips = 0;
  }

  /** {@return the bytes that have been damaged since {@link #damages}} */
  synchronized long flips() {
    return flips;
  }

  /** {@return the bytes that have gone that way since {@link #damages}} */
  synchronized long passed(Way which) {
    return passed.getOrDefault(which, 0L);
  }

  private synchronized void pass(Way which, byte[] bytes, int count) {
    long before = passed.getOrDefault(which, 0L);
    for (int i = 0; i < count; i++) {
      int mask = which == way ? damage.mask(before + i) : 0;
      bytes[i] ^= (byte) mask;
      flips += mask == 0 ? 0 : 1;
    }
    passed.put(which, before + count);
  }

  private void accept() {
    while (true) {
      try {
        Socket client = server.accept();
        Socket onward = new Socket(InetAddress.getLoopbackAddress(), target);
        client.setTcpNoDelay(true);
        onward.setTcpNoDelay(true);
        sockets.add(client);
        sockets.add(onward);
        Thread.ofVirtual().start(() -> carry(client, onward, Way.TO_TARGET));
        Thread.ofVirtual().start(() -> carry(onward, client, Way.TO_INITIATOR));
      } catch (IOException e) {
        if (server.isClosed()) {
          return;
        }
      }
    }
  }

  private void carry(Socket from, Socket to, Way which) {
    byte[] piece = new byte[64 << 10];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(piece); read > 0; read = in.read(piece)) {
        pass(which, piece, read);
        out.write(piece, 0, read);
      }
      to.shutdownOutput();
    } catch (IOException e) {
      close(from);
      close(to);
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends all connections. */
  void cut() {
    sockets.forEach(FlippingRelay::close);
    sockets.clear();
  }

  @Override
  public void close() throws IOException {
    server.close();
    cut();
  }
}
