// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/**
 * A server that gives everybody the same answer, whatever was asked: it waits for the first bytes
 * of a request, answers, ends its stream, and reads what else comes. For decoders of answers.
 */
public final class AnsweringServer implements Closeable {
  private static final int LIMIT_MILLIS = 10_000;
  private static final int DRAIN_MILLIS = 200;

  private final ServerSocket listener;
  private volatile byte[] answer = {};

  /** Listens on the loopback. */
  public AnsweringServer() {
    try {
      listener = new ServerSocket(0, 128, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofPlatform().daemon().name("answering").start(this::accept);
  }

  /** {@return where it listens} */
  public int port() {
    return listener.getLocalPort();
  }

  /** From now on this is the answer. */
  public void answerWith(byte[] bytes) {
    answer = bytes;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket socket = listener.accept();
        Thread.ofVirtual().start(() -> serve(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket socket) {
    byte[] buffer = new byte[8192];
    try (socket) {
      socket.setSoTimeout(LIMIT_MILLIS);
      InputStream in = socket.getInputStream();
      if (in.read(buffer) >= 0) {
        OutputStream out = socket.getOutputStream();
        out.write(answer);
        socket.shutdownOutput();
        // Closed with something unread, it would be a reset, which takes the answer away. Some
        // clients keep the connection, so not for long.
        socket.setSoTimeout(DRAIN_MILLIS);
        while (in.read(buffer) >= 0) {
          // Dropped.
        }
      }
    } catch (IOException e) {
      // The client has left, or stays.
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
