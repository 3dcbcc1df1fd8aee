// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An initiator written from the protocol page alone, on a plain socket: one data connection to a
 * target whose port it has learnt from the target's handshake port.
 */
final class RawInitiator implements AutoCloseable {
  static final int READ = 0x00;
  static final int WRITE = 0x01;
  static final int V2 = 0x80;
  static final int VECTOR_READ = 0xe0;
  static final int VECTOR_WRITE = 0xe1;
  static final byte[] OK = {0, 0, 0, 0, 0x56, 0x54, 0x43, 0x4d};
  static final byte[] REJECTED = {1, 0, 0, 0, 0x56, 0x54, 0x43, 0x4d};

  private static final Pattern DATA_PORT = Pattern.compile("\"tcp_data_port\":(\\d+)");
  private static final Random GARBAGE = new Random(42);

  final Socket socket;
  private final DataInputStream in;
  private final OutputStream out;

  /** Connects to the data port of the peer that has this handshake port. */
  static RawInitiator to(int handshakePort) throws IOException {
    return new RawInitiator(dataPort(handshakePort), 0);
  }

  RawInitiator(int dataPort, int receiveBufferBytes) throws IOException {
    this("", dataPort, receiveBufferBytes);
  }

  /** Connects from an address of the loopback, such as 127.0.0.2. */
  RawInitiator(String from, int dataPort, int receiveBufferBytes) throws IOException {
    socket = new Socket();
    if (!from.isEmpty()) {
      socket.bind(new InetSocketAddress(from, 0));
    }
    if (receiveBufferBytes > 0) {
      socket.setReceiveBufferSize(receiveBufferBytes);
    }
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), dataPort));
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(20_000);
    in = new DataInputStream(socket.getInputStream());
    out = socket.getOutputStream();
  }

  /** Asks a handshake port (protocol section 5.1) for the data port. */
  static int dataPort(int handshakePort) throws IOException {
    return dataPort("", handshakePort);
  }

  /** As above, asking from an address of the loopback. */
  static int dataPort(String from, int handshakePort) throws IOException {
    try (Socket ask = new Socket()) {
      if (!from.isEmpty()) {
        ask.bind(new InetSocketAddress(from, 0));
      }
      ask.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), handshakePort));
      ask.setSoTimeout(20_000);
      byte[] json =
          "{\"buffers\":[],\"name\":\"\",\"protocol\":\"tcp\"}\n".getBytes(StandardCharsets.UTF_8);
      ask.getOutputStream()
          .write(
              ByteBuffer.allocate(9 + json.length)
                  .order(ByteOrder.LITTLE_ENDIAN)
                  .putLong(json.length + 1L)
                  .put((byte) 1)
                  .put(json)
                  .array());
      InputStream reply = ask.getInputStream();
      long length = ByteBuffer.wrap(reply.readNBytes(8)).order(ByteOrder.LITTLE_ENDIAN).getLong();
      String text = new String(reply.readNBytes((int) length), StandardCharsets.UTF_8);
      Matcher matcher = DATA_PORT.matcher(text);
      if (!matcher.find()) {
        throw new IOException("no data port in " + text);
      }
      return Integer.parseInt(matcher.group(1));
    }
  }

  /** A header whose padding is garbage, as C++ peers send it. */
  static byte[] header(long size, long address, int opcode) {
    byte[] padding = new byte[7];
    synchronized (GARBAGE) {
      GARBAGE.nextBytes(padding);
    }
    return ByteBuffer.allocate(24)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(size)
        .putLong(address)
        .put((byte) opcode)
        .put(padding)
        .array();
  }

  static byte[] writeRequest(long address, byte[] body, int version2Bit) {
    return ByteBuffer.allocate(24 + body.length)
        .put(header(body.length, address, WRITE | version2Bit))
        .put(body)
        .array();
  }

  /** Header and table of a vectored request (docs/PROTOCOL.md); addresses and lengths in turn. */
  static byte[] vector(int opcode, long totalBytes, long count, long... table) {
    ByteBuffer frame =
        ByteBuffer.allocate(24 + 8 * table.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(header(totalBytes, count, opcode));
    for (long value : table) {
      frame.putLong(value);
    }
    return frame.array();
  }

  RawInitiator send(byte[] bytes) throws IOException {
    out.write(bytes);
    return this;
  }

  /** One byte a segment, as far as the network lets us. */
  void dribble(byte[] bytes) throws IOException {
    for (byte b : bytes) {
      out.write(b);
    }
  }

  byte[] receive(int bytes) throws IOException {
    byte[] received = new byte[bytes];
    in.readFully(received);
    return received;
  }

  byte[] receiveToEnd() throws IOException {
    return in.readAllBytes();
  }

  /** As {@link #send}; the target may refuse by a reset before it has all. */
  void sendUnlessReset(byte[] bytes) throws IOException {
    try {
      send(bytes);
    } catch (SocketException e) {
      // Seen again by whoever receives.
    }
  }

  /** Whether the target ended the connection, one way or the other, whatever it sent before. */
  boolean receiveToEndOrReset() {
    try {
      byte[] _ = in.readAllBytes();
      return true;
    } catch (java.net.SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  /** What the target sent before it ended the connection, one way or the other. */
  byte[] receiveToEndOrResetBytes() {
    ByteArrayOutputStream received = new ByteArrayOutputStream();
    try {
      for (int next = in.read(); next >= 0; next = in.read()) {
        received.write(next);
      }
    } catch (java.net.SocketTimeoutException e) {
      throw new AssertionError("The connection has not ended", e);
    } catch (IOException e) {
      // A reset.
    }
    return received.toByteArray();
  }

  RawInitiator halfClose() throws IOException {
    socket.shutdownOutput();
    return this;
  }

  /** How the connection ended: "eof", "reset" or "bytes". */
  String ending() {
    try {
      return in.read() < 0 ? "eof" : "bytes";
    } catch (java.net.SocketTimeoutException e) {
      return "open";
    } catch (IOException e) {
      return "reset";
    }
  }

  /** Closes in the middle of a test. */
  void hangUp() throws IOException {
    socket.close();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
