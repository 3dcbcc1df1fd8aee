// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/**
 * The other process of {@link PingPong}: a separate program, without the engine. It listens on the
 * host in its argument, prints the port, serves one connection, and ends when its standard input
 * ends.
 */
final class PingPongServer {
  /** Two ints come first on a connection: the bytes of a request and of its answer. */
  static final int HELLO_BYTES = 2 * Integer.BYTES;

  private PingPongServer() {}

  /**
   * Serves.
   *
   * @param arguments the host
   */
  public static void main(String[] arguments) throws IOException {
    try (ServerSocketChannel listener = ServerSocketChannel.open()) {
      listener.bind(new InetSocketAddress(arguments[0], 0), 1);
      System.out.println(listener.socket().getLocalPort());
      Thread.ofPlatform().daemon().start(() -> serve(listener));
      while (System.in.read() >= 0) {
        // Prints nothing: its end is the message.
      }
    }
  }

  private static void serve(ServerSocketChannel listener) {
    try (SocketChannel channel = listener.accept()) {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      ByteBuffer hello = ByteBuffer.allocateDirect(HELLO_BYTES);
      if (!fill(channel, hello)) {
        return;
      }
      ByteBuffer request = ByteBuffer.allocateDirect(hello.flip().getInt());
      ByteBuffer answer = ByteBuffer.allocateDirect(hello.getInt());
      while (fill(channel, request.clear())) {
        send(channel, answer.clear());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return false if the stream ends first} */
  static boolean fill(SocketChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        return false;
      }
    }
    return true;
  }

  static void send(SocketChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      var _ = channel.write(buffer);
    }
  }
}
