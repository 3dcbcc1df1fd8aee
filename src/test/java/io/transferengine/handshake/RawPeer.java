// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A peer written from the protocol page alone, on plain sockets: it shares no code with what it
 * tests. Frames here are whole byte arrays, header included.
 */
final class RawPeer {
  private RawPeer() {}

  /** Length (little-endian, 1 + payload), type, payload. */
  static byte[] frame(int type, String json) {
    byte[] payload = json.getBytes(StandardCharsets.UTF_8);
    byte[] frame = new byte[9 + payload.length];
    putLength(frame, payload.length + 1L);
    frame[8] = (byte) type;
    System.arraycopy(payload, 0, frame, 9, payload.length);
    return frame;
  }

  /** A frame of peers before v0.3.0, without a type. */
  static byte[] oldFrame(String json) {
    byte[] payload = json.getBytes(StandardCharsets.UTF_8);
    byte[] frame = new byte[8 + payload.length];
    putLength(frame, payload.length);
    System.arraycopy(payload, 0, frame, 8, payload.length);
    return frame;
  }

  static void putLength(byte[] frame, long length) {
    for (int i = 0; i < 8; i++) {
      frame[i] = (byte) (length >>> (8 * i));
    }
  }

  static String json(byte[] frame) {
    return new String(frame, 9, frame.length - 9, StandardCharsets.UTF_8);
  }

  /** As a client: sends bytes, reads to the end of the stream, closes. */
  static byte[] ask(InetAddress address, int port, byte[] request) throws IOException {
    try (Socket socket = new Socket(address, port)) {
      socket.setSoTimeout(60_000);
      try {
        socket.getOutputStream().write(request);
      } catch (IOException e) {
        // The other side may close before it has read all of something bad.
      }
      return readToEnd(socket.getInputStream());
    }
  }

  /** What came until the end or a reset. */
  static byte[] readToEnd(InputStream in) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    try {
      in.transferTo(all);
    } catch (IOException e) {
      // A reset ends it as well.
    }
    return all.toByteArray();
  }

  /** Reads one frame as a C++ reader does. */
  static byte[] readFrame(InputStream in) throws IOException {
    DataInputStream data = new DataInputStream(in);
    byte[] header = new byte[8];
    data.readFully(header);
    long length = Long.reverseBytes(java.nio.ByteBuffer.wrap(header).getLong());
    byte[] frame = new byte[8 + Math.toIntExact(length)];
    System.arraycopy(header, 0, frame, 0, 8);
    data.readFully(frame, 8, frame.length - 8);
    return frame;
  }

  /** A serial listener that answers the n-th connection with the n-th reply, the last for ever. */
  static final class Listener implements AutoCloseable {
    final ServerSocket server;
    final List<byte[]> requests = new CopyOnWriteArrayList<>();
    private final List<byte[]> replies;

    Listener(InetAddress address, byte[]... replies) throws IOException {
      this.server = new ServerSocket(0, 128, address);
      this.replies = List.of(replies);
      Thread.ofVirtual().start(this::run);
    }

    int port() {
      return server.getLocalPort();
    }

    private void run() {
      for (int i = 0; ; i++) {
        try (Socket socket = server.accept()) {
          requests.add(readFrame(socket.getInputStream()));
          OutputStream out = socket.getOutputStream();
          out.write(replies.get(Math.min(i, replies.size() - 1)));
          socket.shutdownOutput();
          socket.setSoTimeout(5_000);
          int ignored = socket.getInputStream().read();
        } catch (IOException e) {
          if (server.isClosed()) {
            return;
          }
        }
      }
    }

    @Override
    public void close() throws IOException {
      server.close();
    }
  }
}
