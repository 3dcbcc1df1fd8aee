// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Takes connections on the loopback and carries their bytes to another port, through a valve. */
final class Relay implements AutoCloseable {
  private static final int PIECE_BYTES = 64 << 10;

  /** Small, so that little waits in the kernel when the valve is shut. */
  private static final int RECEIVE_BUFFER_BYTES = 64 << 10;

  private final Valve valve;
  private final ServerSocket server;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private volatile int target;
  private volatile boolean closed;

  /** Lets bytes of several relays pass, or not. */
  static final class Valve {
    private long allowance = Long.MAX_VALUE;

    synchronized void stallAfter(long bytes) {
      allowance = bytes;
    }

    synchronized void open() {
      allowance = Long.MAX_VALUE;
      notifyAll();
    }

    synchronized boolean isStalled() {
      return allowance == 0;
    }

    /** {@return how many of so many bytes may pass, once it is at least one} */
    synchronized int pass(int wanted) throws InterruptedException {
      while (allowance == 0) {
        wait();
      }
      int passed = (int) Math.min(wanted, allowance);
      if (allowance != Long.MAX_VALUE) {
        allowance -= passed;
      }
      return passed;
    }
  }

  Relay(Valve valve) {
    this.valve = valve;
    try {
      server = new ServerSocket();
      server.setReceiveBufferSize(RECEIVE_BUFFER_BYTES);
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 200);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var _ = Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  void leadTo(int port) {
    target = port;
  }

  private void accept() {
    while (!closed) {
      Socket client = null;
      try {
        client = server.accept();
        sockets.add(client);
        Socket onward = new Socket();
        sockets.add(onward);
        onward.setReceiveBufferSize(RECEIVE_BUFFER_BYTES);
        onward.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), target));
        if (closed) {
          reset(client);
          reset(onward);
          return;
        }
        carry(client, onward);
        carry(onward, client);
      } catch (IOException e) {
        if (client != null) {
          reset(client);
        }
      }
    }
  }

  private void carry(Socket from, Socket to) {
    var _ =
        Thread.ofVirtual()
            .start(
                () -> {
                  byte[] piece = new byte[PIECE_BYTES];
                  try {
                    InputStream in = from.getInputStream();
                    OutputStream out = to.getOutputStream();
                    for (int read = in.read(piece); read > 0; read = in.read(piece)) {
                      for (int done = 0; done < read; ) {
                        int passed = valve.pass(read - done);
                        write(from, to, out, piece, done, passed);
                        done += passed;
                      }
                    }
                    awaitWriter(from);
                    to.shutdownOutput();
                    if (from.isOutputShutdown()) {
                      close(from);
                      close(to);
                    }
                  } catch (IOException e) {
                    reset(from);
                    reset(to);
                  } catch (InterruptedException e) {
                    throw new AssertionError("Nobody knows this thread", e);
                  }
                });
  }

  /**
   * A reset is told to one call on a socket only; if that is a write, a read sees an orderly end.
   * So both sides are reset before the lock is given back that the reader takes behind an end.
   */
  private void write(Socket from, Socket to, OutputStream out, byte[] bytes, int offset, int length)
      throws IOException {
    synchronized (to) {
      try {
        out.write(bytes, offset, length);
      } catch (IOException e) {
        reset(from);
        reset(to);
        throw e;
      }
    }
  }

  private static void awaitWriter(Socket socket) throws IOException {
    synchronized (socket) {
      if (socket.isClosed()) {
        throw new IOException("It was reset");
      }
    }
  }

  private void reset(Socket socket) {
    try {
      socket.setSoLinger(true, 0);
    } catch (IOException e) {
      // Closed already.
    }
    close(socket);
  }

  private void close(Socket socket) {
    sockets.remove(socket);
    try {
      socket.close();
    } catch (IOException e) {
      // Then it was.
    }
  }

  /** Resets all connections and takes no more. */
  @Override
  public void close() {
    closed = true;
    try {
      server.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    sockets.forEach(this::reset);
  }
}
