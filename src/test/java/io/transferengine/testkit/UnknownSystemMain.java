// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.uring.IoUring;
import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Registration;
import io.transferengine.Segment;
import io.transferengine.TransferEngine;
import io.transferengine.diagnostics.EngineCounters;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Moves bytes by both APIs, within one process, and says what it did that with. */
public final class UnknownSystemMain {
  private static final int BYTES = 1 << 20;

  private UnknownSystemMain() {}

  /** Prints a line for each step; what escapes ends the process. */
  public static void main(String[] arguments) throws IOException {
    System.out.printf(
        "proc: %b, epoll: %b, io_uring: %b%n",
        Files.exists(Path.of("/proc/self")), Epoll.isAvailable(), IoUring.isAvailable());
    EngineConfig config = EngineConfig.fromEnvironment("127.0.0.1").build();
    try (Engine here = Engine.open(config);
        Engine there = Engine.open(config)) {
      Segment peer = here.openSegment(there.segmentName());
      System.out.println("transports: " + peer.transports());
      allocated(here, there, peer);
      registered(here, there, peer);
    }
    try (TransferEngine here = new TransferEngine();
        TransferEngine there = new TransferEngine()) {
      byStatus(here, there);
    }
    counters();
    System.exit(0);
  }

  /** A file from another machine is read; this one is none. */
  private static void counters() throws IOException {
    Path file = Files.createTempFile("te", ".counters");
    try {
      boolean isRead = EngineCounters.read(file).toString().isEmpty();
      System.out.println("counters: " + isRead);
    } catch (IOException refused) {
      System.out.println(
          "counters: " + String.valueOf(refused.getMessage()).contains("is no counters file"));
    } finally {
      Files.delete(file);
    }
  }

  private static void allocated(Engine here, Engine there, Segment peer) {
    try (Allocation ours = here.allocate(BYTES);
        Allocation theirs = there.allocate(BYTES)) {
      ours.segment().fill((byte) 5);
      peer.write(ours.segment(), theirs.address()).toCompletableFuture().join();
      System.out.println(
          "allocated: " + (ours.segment().mismatch(theirs.segment()) == -1 ? "equal" : "other"));
    }
  }

  private static void registered(Engine here, Engine there, Segment peer) {
    ByteBuffer ours = ByteBuffer.allocateDirect(BYTES);
    ByteBuffer theirs = ByteBuffer.allocateDirect(BYTES);
    MemorySegment.ofBuffer(theirs).fill((byte) 7);
    try (Registration _ = here.register(ours);
        Registration remote = there.register(theirs)) {
      peer.read(ours, remote.address()).toCompletableFuture().join();
      System.out.println("registered: " + (ours.equals(theirs) ? "equal" : "other"));
    }
  }

  private static void byStatus(TransferEngine here, TransferEngine there) {
    System.out.println(
        "initialize: "
            + here.initialize("127.0.0.1", "P2PHANDSHAKE", "", "")
            + " "
            + there.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", ""));
    long ours = here.allocateManagedBuffer(BYTES);
    long theirs = there.allocateManagedBuffer(BYTES);
    byte[] bytes = new byte[BYTES];
    Arrays.fill(bytes, (byte) 9);
    int written = here.writeBytesToBuffer(ours, bytes, BYTES);
    String name = "127.0.0.1:" + there.getRpcPort();
    int moved = here.transferSyncWrite(name, ours, theirs, BYTES);
    boolean equal = Arrays.equals(bytes, there.readBytesFromBuffer(theirs, BYTES));
    System.out.println("by status: " + written + " " + moved + " " + equal);
    System.out.println("topology: " + here.getLocalTopology());
  }
}
