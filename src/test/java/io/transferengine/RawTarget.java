// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A target written from the protocol page alone, on plain sockets: a handshake port that answers
 * Metadata, Notify and Probe with hand-written JSON, and a data port that does what its {@link
 * Behaviour} says. It shares no code with what it tests. Its memory is arrays at made-up addresses.
 */
final class RawTarget implements AutoCloseable {
  static final int READ = 0x00;
  static final int WRITE = 0x01;
  static final int V2 = 0x80;

  /** The opcode of a vectored read; with bit 0, that of a vectored write. */
  static final int VECTOR = 0xe0;

  /** Where the first buffer pretends to be. */
  static final long BASE = 0x7f5a_0000_0000L;

  private static final byte[] MAGIC = {0x56, 0x54, 0x43, 0x4d};

  /** One request header as it came. */
  @SuppressWarnings("ArrayRecordComponent")
  record Request(long size, long address, int opcode, byte[] header) {
    boolean isWrite() {
      return (opcode & ~V2) == WRITE || opcode == (VECTOR | WRITE);
    }

    boolean isV2() {
      return (opcode & V2) != 0;
    }
  }

  /** What the data port does with one connection; it is closed when this returns or throws. */
  interface Behaviour {
    void serve(Connection connection) throws IOException;
  }

  @SuppressWarnings("ArrayRecordComponent")
  private record Buffer(long address, byte[] bytes) {}

  private final int version;
  private final String dataHost;
  private final ServerSocket handshake;
  private final ServerSocket data;
  private final List<Buffer> buffers = new CopyOnWriteArrayList<>();
  private final List<Socket> open = new CopyOnWriteArrayList<>();
  private final Set<Socket> dataSockets = ConcurrentHashMap.newKeySet();
  private final AtomicInteger accepted = new AtomicInteger();
  private final AtomicInteger concurrent = new AtomicInteger();
  final List<Request> requests = new CopyOnWriteArrayList<>();
  private volatile Behaviour behaviour = Connection::serveAll;
  private volatile int advertisedDataPort;
  private volatile boolean vectors;
  private volatile String moreMembers = "";

  /** The lengths of the ranges of each vectored request. */
  final List<List<Long>> vectorLengths = new CopyOnWriteArrayList<>();

  private volatile boolean closed;

  /** A persistent target of a version, with one buffer at {@link #BASE}. */
  RawTarget(int version, int bufferBytes) throws IOException {
    this(version, bufferBytes, "");
  }

  /** One whose data port is on a host of its own, which its descriptor names. */
  RawTarget(int version, int bufferBytes, String dataHost) throws IOException {
    this.version = version;
    this.dataHost = dataHost;
    InetAddress loopback = InetAddress.getLoopbackAddress();
    handshake = new ServerSocket(0, 128, loopback);
    data =
        new ServerSocket(0, 128, dataHost.isEmpty() ? loopback : InetAddress.getByName(dataHost));
    advertisedDataPort = data.getLocalPort();
    addBuffer(BASE, bufferBytes);
    Thread.ofVirtual().start(() -> acceptAll(handshake, this::answerHandshake));
    Thread.ofVirtual().start(() -> acceptAll(data, this::serveData));
  }

  RawTarget behaving(Behaviour wanted) {
    behaviour = wanted;
    return this;
  }

  /** Announces that it takes vectored requests (docs/PROTOCOL.md). */
  RawTarget takingVectors() {
    vectors = true;
    return this;
  }

  /** Descriptors get these members, as they are, behind a comma each. */
  RawTarget withMembers(String json) {
    moreMembers = json;
    return this;
  }

  /** Descriptors lead to another one's data port. */
  RawTarget leadingTo(int dataPort) {
    advertisedDataPort = dataPort;
    return this;
  }

  RawTarget addBuffer(long address, int bytes) {
    buffers.add(new Buffer(address, new byte[bytes]));
    return this;
  }

  /** What peers send stays with them until it is read. */
  RawTarget withSmallReceiveBuffer() throws IOException {
    data.setReceiveBufferSize(32 << 10);
    return this;
  }

  /** From now on descriptors lead to a port at which nobody listens. */
  void dataPortGone() throws IOException {
    data.close();
  }

  String name() {
    return "127.0.0.1:" + handshake.getLocalPort();
  }

  /**
   * Ends the data connections that there are, and returns once the peer has read what was sent on
   * them and closed them, or has just closed them. The behaviours have to end when they find the
   * end of the stream.
   */
  void endConnections() throws IOException {
    List<Socket> old = List.copyOf(dataSockets);
    for (Socket socket : old) {
      try {
        socket.shutdownOutput();
      } catch (IOException e) {
        socket.close(); // It has ended by itself.
      }
    }
    TestEngine.eventually(
        "the connections have ended", () -> Collections.disjoint(dataSockets, old));
  }

  /** How many data connections there were. */
  int accepted() {
    return accepted.get();
  }

  byte[] memory() {
    return buffers.getFirst().bytes;
  }

  byte[] memory(int buffer) {
    return buffers.get(buffer).bytes;
  }

  private interface Served {
    void serve(Socket socket) throws IOException;
  }

  private void acceptAll(ServerSocket listener, Served served) {
    while (!closed) {
      try {
        Socket socket = listener.accept();
        open.add(socket);
        Thread.ofVirtual()
            .start(
                () -> {
                  try (socket) {
                    served.serve(socket);
                  } catch (IOException | RuntimeException e) {
                    // The other side's doing, or this test's end.
                  } finally {
                    open.remove(socket);
                  }
                });
      } catch (IOException e) {
        return;
      }
    }
  }

  // ---- handshake, protocol section 5

  private void answerHandshake(Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    byte[] lengthBytes = in.readNBytes(8);
    if (lengthBytes.length < 8) {
      return;
    }
    long length = ByteBuffer.wrap(lengthBytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    byte[] frame = in.readNBytes((int) length);
    int type = frame[0];
    String json =
        switch (type) {
          case 1 -> descriptor();
          case 2 -> "{\"name\":\"\",\"notify_msg\":\"success\"}\n";
          case 3 -> "{\"status\":\"success\"}\n";
          default -> "null\n";
        };
    byte[] payload = json.getBytes(StandardCharsets.UTF_8);
    ByteBuffer reply =
        ByteBuffer.allocate(9 + payload.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(payload.length + 1L)
            .put((byte) type)
            .put(payload);
    socket.getOutputStream().write(reply.array());
    socket.shutdownOutput();
    int _ = in.read();
  }

  private String descriptor() {
    StringBuilder json = new StringBuilder("{\"buffers\":[");
    String separator = "";
    for (Buffer buffer : buffers) {
      json.append(separator)
          .append(
              "{\"addr\":%d,\"length\":%d,\"name\":\"%s\"}"
                  .formatted(buffer.address, buffer.bytes.length, name()));
      separator = ",";
    }
    json.append(
        "],\"name\":\"%s\",\"protocol\":\"tcp\",\"tcp_data_port\":%d,"
            .formatted(name(), advertisedDataPort));
    if (!dataHost.isEmpty()) {
      json.append("\"tcp_data_host\":\"%s\",".formatted(dataHost));
    }
    if (version >= 2) {
      json.append("\"tcp_proto_version\":2,");
    }
    if (vectors) {
      json.append("\"te_tcp_vector\":1,");
    }
    return json.append(moreMembers)
        .append("\"timestamp\":\"2026-11-22 10:22:35.106704\"}\n")
        .toString();
  }

  // ---- data, protocol section 7

  private void serveData(Socket socket) throws IOException {
    socket.setTcpNoDelay(true);
    accepted.incrementAndGet();
    concurrent.incrementAndGet();
    dataSockets.add(socket);
    try {
      behaviour.serve(new Connection(socket));
    } finally {
      dataSockets.remove(socket);
      concurrent.decrementAndGet();
    }
  }

  /** The target's end of one data connection. */
  final class Connection {
    final Socket socket;
    private final DataInputStream in;
    private final OutputStream out;

    Connection(Socket socket) throws IOException {
      this.socket = socket;
      this.in = new DataInputStream(socket.getInputStream());
      this.out = socket.getOutputStream();
    }

    /** The next header, or null when the peer has half-closed between two requests. */
    @Nullable Request next() throws IOException {
      byte[] header = new byte[24];
      int first = in.read();
      if (first < 0) {
        return null;
      }
      header[0] = (byte) first;
      in.readFully(header, 1, 23);
      ByteBuffer fields = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
      Request request =
          new Request(fields.getLong(), fields.getLong(), fields.get() & 0xff, header);
      requests.add(request);
      return request;
    }

    /** The next header, which has to come. */
    Request required() throws IOException {
      Request request = next();
      if (request == null) {
        throw new EOFException("no request");
      }
      return request;
    }

    byte[] body(long bytes) throws IOException {
      byte[] body = new byte[(int) bytes];
      in.readFully(body);
      return body;
    }

    void send(byte[] bytes) throws IOException {
      out.write(bytes);
    }

    void status(int code) throws IOException {
      ByteBuffer frame = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      send(frame.putInt(code).put(MAGIC).array());
    }

    /** Requests one after another until the peer closes; closes itself at a bad range. */
    void serveAll() throws IOException {
      @Nullable Request request;
      while ((request = next()) != null && serve(request)) {}
    }

    /** As peers up to 0.3.9 do. */
    void serveOne() throws IOException {
      Request request = next();
      if (request != null) {
        boolean _ = serve(request);
      }
    }

    /** One request by the book; false after a refusal. */
    boolean serve(Request request) throws IOException {
      if ((request.opcode & ~1) == VECTOR) {
        return serveVector(request);
      }
      Buffer buffer = bufferOf(request.address, request.size);
      if (buffer == null) {
        if (request.isV2()) {
          status(1);
        } else {
          // Java's close sends an orderly end before the reset, if bytes are unread; C++ peers' do
          // not.
          reset();
        }
        return false;
      }
      int offset = (int) (request.address - buffer.address);
      if (request.isWrite()) {
        in.readFully(buffer.bytes, offset, (int) request.size);
        if (request.isV2()) {
          status(0);
        }
      } else {
        if (request.isV2()) {
          status(0);
        }
        out.write(buffer.bytes, offset, (int) request.size);
      }
      return true;
    }

    /** The table of a vectored request: addresses and lengths in turn. */
    long[] table(Request request) throws IOException {
      ByteBuffer bytes = ByteBuffer.wrap(body(16 * request.address)).order(ByteOrder.LITTLE_ENDIAN);
      long[] table = new long[(int) (2 * request.address)];
      bytes.asLongBuffer().get(table);
      List<Long> lengths = new ArrayList<>();
      for (int i = 1; i < table.length; i += 2) {
        lengths.add(table[i]);
      }
      vectorLengths.add(lengths);
      return table;
    }

    private boolean serveVector(Request request) throws IOException {
      if (!vectors) {
        throw new IOException("nobody has announced that");
      }
      long[] table = table(request);
      long sum = 0;
      for (int i = 0; i < table.length; i += 2) {
        if (bufferOf(table[i], table[i + 1]) == null) {
          status(1);
          return false;
        }
        sum += table[i + 1];
      }
      if (sum != request.size) {
        throw new IOException("the ranges have " + sum + " bytes, the header says " + request.size);
      }
      boolean write = request.opcode == (VECTOR | WRITE);
      if (!write) {
        status(0);
      }
      for (int i = 0; i < table.length; i += 2) {
        Buffer buffer = Objects.requireNonNull(bufferOf(table[i], table[i + 1]));
        int offset = (int) (table[i] - buffer.address);
        if (write) {
          in.readFully(buffer.bytes, offset, (int) table[i + 1]);
        } else {
          out.write(buffer.bytes, offset, (int) table[i + 1]);
        }
      }
      if (write) {
        status(0);
      }
      return true;
    }

    /** Closes with a reset. */
    void reset() throws IOException {
      socket.setSoLinger(true, 0);
      socket.close();
    }

    /**
     * Sends no more, and returns once the peer has read all of it and closed, or has just closed.
     */
    void endAndDrain() throws IOException {
      socket.shutdownOutput();
      drain();
    }

    /** Reads and drops until the peer closes. */
    void drain() throws IOException {
      byte[] junk = new byte[4096];
      while (in.read(junk) >= 0) {}
    }
  }

  private @Nullable Buffer bufferOf(long address, long size) {
    for (Buffer buffer : buffers) {
      long offset = address - buffer.address;
      if (offset >= 0 && size > 0 && offset + size <= buffer.bytes.length) {
        return buffer;
      }
    }
    return null;
  }

  @Override
  public void close() throws IOException {
    closed = true;
    handshake.close();
    data.close();
    List<Socket> left = new ArrayList<>(open);
    for (Socket socket : left) {
      socket.close();
    }
  }
}
