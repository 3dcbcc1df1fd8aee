// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Registration;
import io.transferengine.Transfer;
import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;

/**
 * One engine that copies to many others on this machine, and one with many registrations. All are
 * in this process: to the kernel, and to the engines, it is as any other. Prints what the process
 * holds, a line each time.
 */
public final class ManyPeersMain {
  private static final int BYTES = 4096;
  private static final int ENGINES_OF_A_HOST = 200;
  private static final Path PROC = Path.of("/proc/self");

  private ManyPeersMain() {}

  /**
   * Runs.
   *
   * @param arguments how many peers, and how many registrations
   */
  public static void main(String[] arguments) throws Exception {
    int peers = Integer.parseInt(arguments[0]);
    int registrations = Integer.parseInt(arguments[1]);
    try (Arena arena = Arena.ofShared();
        Engine engine = open(0)) {
      MemorySegment source = arena.allocate(BYTES, BYTES);
      var _ = engine.register(source);
      manyPeers(engine, source, arena, peers);
      manyRegistrations(engine, source, arena, registrations);
      require(engine.metrics().get(Counter.LOCAL_PEERS) == peers + 1, "not all were copied to");
    }
    System.exit(0);
  }

  /**
   * {@return an engine}
   *
   * @param index spreads them over addresses, each of which has 2000 ports for engines
   */
  private static Engine open(int index) {
    String host = "127.1." + index / ENGINES_OF_A_HOST + ".1";
    return Engine.open(
        EngineConfig.builder(host)
            .listenAddress(host)
            .metadataServer("P2PHANDSHAKE")
            .protocol("tcp")
            .tcpIoThreads(1)
            .local(LocalMode.REQUIRED)
            .build());
  }

  private static void manyPeers(Engine engine, MemorySegment source, Arena arena, int count)
      throws Exception {
    List<Engine> peers = new ArrayList<>();
    List<MemorySegment> targets = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Engine peer = open(i);
      MemorySegment memory = arena.allocate(BYTES, BYTES);
      var _ = peer.register(memory);
      peers.add(peer);
      targets.add(memory);
    }
    // What the first one needs is there for all.
    write(engine, source, peers.getFirst(), targets.getFirst(), 1);
    print("before");
    for (int i = 1; i < count; i++) {
      write(engine, source, peers.get(i), targets.get(i), i + 1);
    }
    print("copied");
    peers.forEach(Engine::close);
  }

  private static void manyRegistrations(Engine engine, MemorySegment source, Arena arena, int count)
      throws Exception {
    try (Engine peer = open(0)) {
      MemorySegment all = arena.allocate(2L * count * BYTES, BYTES);
      print("unregistered");
      List<Registration> registrations = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        registrations.add(peer.register(all.asSlice(2L * i * BYTES, BYTES)));
      }
      long[] there = LongStream.range(0, count).map(i -> all.address() + 2 * i * BYTES).toArray();
      long[] here = LongStream.range(0, count).map(_ -> source.address()).toArray();
      long[] lengths = LongStream.range(0, count).map(_ -> BYTES).toArray();
      source.fill((byte) 77);
      complete(
          engine.submit(
              TransferRequest.of(
                  Operation.WRITE, peer.segmentName(), BlockColumns.of(here, there, lengths))));
      for (int i = 0; i < count; i++) {
        require(all.asSlice(2L * i * BYTES, BYTES).mismatch(source) == -1, "block " + i);
        require(
            all.get(java.lang.foreign.ValueLayout.JAVA_BYTE, (2L * i + 1) * BYTES) == 0, "" + i);
      }
      print("registered");
      // Copies go through each of the gates that are closed now, one after another.
      for (int i = 0; i < count - 1; i++) {
        registrations.get(i).close();
        if (i % 10 == 0) {
          write(engine, source, peer, all.asSlice(2L * (count - 1) * BYTES, BYTES), i);
        }
      }
      print("taken");
    }
  }

  private static void write(
      Engine engine, MemorySegment source, Engine peer, MemorySegment target, int content)
      throws InterruptedException {
    source.fill((byte) content);
    complete(engine.submit(TransferRequest.write(peer.segmentName(), source, target.address())));
    require(source.mismatch(target) == -1, "other bytes at " + peer.segmentName());
  }

  private static void complete(Transfer transfer) throws InterruptedException {
    TransferState state = transfer.await(Duration.ofMinutes(1));
    require(state == TransferState.COMPLETED, state + ": " + transfer.failure());
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }

  private static void print(String when) throws IOException {
    int mappings = Files.readAllLines(PROC.resolve("maps")).size();
    System.out.printf(
        "%s descriptors=%d threads=%d mappings=%d%n", when, count("fd"), count("task"), mappings);
  }

  private static int count(String folder) throws IOException {
    int count = 0;
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(PROC.resolve(folder))) {
      for (Path _ : entries) {
        count++;
      }
    }
    return count;
  }
}
