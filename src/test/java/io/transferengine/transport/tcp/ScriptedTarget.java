// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * The data port of a target that follows a seed: it answers by the book, and now and then it
 * refuses, hangs up or breaks off in the middle. Its memory is one array at a made-up address.
 */
final class ScriptedTarget implements AutoCloseable {
  static final long BASE = 0x7f5a_0000_0000L;

  /**
   * What it is like.
   *
   * @param persistent whether it takes several requests a connection
   * @param trouble one request in so many meets with trouble; 0 for none
   */
  record Nature(boolean persistent, int trouble, long seed) {}

  final byte[] memory;
  private final Nature nature;
  private final int refusedFrom;
  private final ServerSocket listener;
  private final List<Socket> open = new CopyOnWriteArrayList<>();
  private final AtomicInteger connections = new AtomicInteger();

  /** From {@code refusedFrom} on every range is refused. */
  ScriptedTarget(int bytes, int refusedFrom, Nature nature) throws IOException {
    this.memory = new byte[bytes];
    new Random(nature.seed).nextBytes(memory);
    this.refusedFrom = refusedFrom;
    this.nature = nature;
    this.listener = new ServerSocket(0, 128, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  InetSocketAddress address() {
    return (InetSocketAddress) listener.getLocalSocketAddress();
  }

  private void accept() {
    while (true) {
      try {
        Socket socket = listener.accept();
        open.add(socket);
        Random random = new Random(nature.seed + connections.incrementAndGet());
        Thread.ofVirtual()
            .start(
                () -> {
                  try (socket) {
                    serve(socket, random);
                  } catch (IOException e) {
                    // Its own doing, or the other side's.
                  } finally {
                    open.remove(socket);
                  }
                });
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket socket, Random random) throws IOException {
    socket.setTcpNoDelay(true);
    DataInputStream in = new DataInputStream(socket.getInputStream());
    OutputStream out = socket.getOutputStream();
    byte[] header = new byte[24];
    do {
      int first = in.read();
      if (first < 0) {
        return;
      }
      header[0] = (byte) first;
      in.readFully(header, 1, 23);
      if (random.nextInt(20) == 0) {
        LockSupport.parkNanos(random.nextInt(3_000_000));
      }
      if (!request(
          socket, in, out, ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN), random)) {
        return;
      }
    } while (nature.persistent);
  }

  private boolean request(
      Socket socket, DataInputStream in, OutputStream out, ByteBuffer header, Random random)
      throws IOException {
    long size = header.getLong();
    long address = header.getLong();
    int opcode = header.get() & 0xff;
    long[] ranges = {address, size};
    if ((opcode & ~1) == 0xe0) {
      byte[] table = new byte[(int) (16 * address)];
      in.readFully(table);
      ranges = new long[(int) (2 * address)];
      ByteBuffer.wrap(table).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(ranges);
    }
    boolean version2 = (opcode & 0x80) != 0;
    boolean write = (opcode & 1) != 0;
    boolean refused = false;
    for (int i = 0; i < ranges.length; i += 2) {
      refused |= ranges[i] - BASE + ranges[i + 1] > refusedFrom;
    }
    int trouble =
        nature.trouble == 0 || random.nextInt(nature.trouble) > 0 ? 0 : 1 + random.nextInt(3);
    if (refused || trouble == 1) {
      if (version2) {
        status(out, 1);
        socket.shutdownOutput();
        in.skipNBytes(in.available());
      } else if (!refused) {
        // In order it would be as below: a write dropped by a target that goes on serving.
        socket.setSoLinger(true, 0);
      }
      return false;
    }
    if (trouble == 2) {
      socket.setSoLinger(true, 0);
      return false;
    }
    if (version2 && !write) {
      status(out, 0);
    }
    for (int i = 0; i < ranges.length; i += 2) {
      int at = (int) (ranges[i] - BASE);
      int length = (int) ranges[i + 1];
      if (trouble == 3) {
        length /= 2;
      }
      if (write) {
        byte[] body = new byte[length];
        in.readFully(body);
        synchronized (memory) {
          System.arraycopy(body, 0, memory, at, length);
        }
      } else {
        out.write(memory, at, length);
      }
      if (trouble == 3) {
        // A version 1 target that drops half of a body and ends in order cannot be told from one
        // that has taken it.
        socket.setSoLinger(true, 0);
        return false;
      }
    }
    if (version2 && write) {
      status(out, 0);
    }
    return true;
  }

  private static void status(OutputStream out, int code) throws IOException {
    byte[] magic = {0x56, 0x54, 0x43, 0x4d};
    out.write(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putInt(code).put(magic).array());
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
