// SPDX-License-Identifier: Apache-2.0
package consumer;

import io.transferengine.TransferEngine;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;

/** A user's program: one process offers memory, another one writes to it and reads it back. */
public final class Consumer {
  private static final int LENGTH_BYTES = 1 << 20;

  private Consumer() {}

  public static void main(String[] args) throws IOException {
    try (TransferEngine engine = new TransferEngine()) {
      check(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "") == 0, "initialize");
      long buffer = engine.allocateManagedBuffer(LENGTH_BYTES);
      check(buffer != 0, "allocateManagedBuffer");
      if (args[0].equals("target")) {
        offer(engine, buffer);
      } else {
        move(engine, buffer, args[1], Long.parseLong(args[2]));
      }
      check(engine.freeManagedBuffer(buffer, LENGTH_BYTES) == 0, "freeManagedBuffer");
    }
  }

  private static void offer(TransferEngine engine, long buffer) throws IOException {
    System.out.println("ready 127.0.0.1:" + engine.getRpcPort() + " " + buffer);
    while (System.in.read() >= 0) {}
    check(Arrays.equals(engine.readBytesFromBuffer(buffer, LENGTH_BYTES), pattern()), "received");
  }

  private static void move(TransferEngine engine, long buffer, String peer, long peerBuffer) {
    fill(engine, buffer, pattern());
    check(engine.transferSyncWrite(peer, buffer, peerBuffer, LENGTH_BYTES) == 0, "write");
    fill(engine, buffer, new byte[LENGTH_BYTES]);
    check(engine.transferSyncRead(peer, buffer, peerBuffer, LENGTH_BYTES) == 0, "read");
    check(Arrays.equals(engine.readBytesFromBuffer(buffer, LENGTH_BYTES), pattern()), "read back");
  }

  private static void fill(TransferEngine engine, long buffer, byte[] bytes) {
    check(engine.writeBytesToBuffer(buffer, bytes, bytes.length) == 0, "writeBytesToBuffer");
  }

  private static byte[] pattern() {
    byte[] bytes = new byte[LENGTH_BYTES];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  private static void check(boolean condition, String step) {
    if (!condition) {
      throw new IllegalStateException(step + " failed");
    }
  }
}
