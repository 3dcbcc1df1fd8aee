// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Transfer;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.io.BufferedReader;
import java.io.Writer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * Two processes with memory on one real device: bytes from device to device, which goes by a handle
 * of the other process, compared by way of host memory and TCP; then how fast, beside a copy within
 * the device. For {@code src/test/gpu/run}, on a machine with a device.
 */
final class DeviceIpcMain {
  private static final int BYTES = 256 << 20;
  private static final int ROUNDS = 10;
  private static final int RATES = 7;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final Engine engine;
  private final Random random;
  private String target = "";

  private DeviceIpcMain(Engine engine, long seed) {
    this.engine = engine;
    this.random = new Random(seed);
  }

  /** {@code DeviceIpcMain SEED}; exit status as {@code src/test/gpu/run} says. */
  public static void main(String[] arguments) throws Exception {
    Optional<String> absent = Devices.unavailabilityCause();
    if (absent.isPresent()) {
      System.err.println(absent.get());
      System.exit(3);
    }
    try (Devices devices = new Devices();
        Engine engine = Engine.open(config())) {
      Device device = devices.of(MemoryKind.at("cuda:0"));
      long memory = device.allocate(2L * BYTES);
      try {
        if (arguments[0].equals("peer")) {
          serve(engine, memory);
        } else {
          new DeviceIpcMain(engine, Long.parseLong(arguments[0])).check(device, memory);
        }
      } finally {
        device.free(memory);
      }
    }
  }

  private static EngineConfig config() {
    return EngineConfig.builder("127.0.0.1")
        .metadataServer("P2PHANDSHAKE")
        .protocol("tcp")
        .listenAddress("127.0.0.1")
        .build();
  }

  /** The other process: has its memory registered until its input ends. */
  private static void serve(Engine engine, long memory) throws Exception {
    long start;
    try (var _ = engine.register(memory, 2L * BYTES, "cuda:0")) {
      System.out.println(engine.segmentName() + " " + memory);
      while (System.in.read() >= 0) {
        // Nothing is asked of it.
      }
      start = System.nanoTime();
    }
    System.err.printf(
        "peer: the memory was taken back in %d ms%n",
        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
  }

  private void check(Device device, long memory) throws Exception {
    Process peer =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                DeviceIpcMain.class.getName(),
                "peer")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    // Its end is the peer's.
    Writer commands = peer.outputWriter();
    try (BufferedReader said = peer.inputReader();
        Arena arena = Arena.ofShared()) {
      String[] hello = said.readLine().split(" ", -1);
      target = hello[0];
      long there = Long.parseLong(hello[1]);
      MemorySegment data = arena.allocate(BYTES, 4096);
      MemorySegment back = arena.allocate(BYTES, 4096);
      try (var _ = engine.register(data);
          var _ = engine.register(back);
          var _ = engine.register(memory, 2L * BYTES, "cuda:0")) {
        for (int round = 0; round < ROUNDS; round++) {
          bytes(memory, there, data, back, (byte) round);
        }
        System.out.println("bytes: right in " + ROUNDS + " rounds, device to device");
        for (int length : new int[] {4 << 10, 64 << 10, 1 << 20, 64 << 20}) {
          rate(device, length, memory, there);
        }
      }
      commands.close();
      if (!peer.waitFor(30, TimeUnit.SECONDS) || peer.exitValue() != 0) {
        throw new AssertionError("WRONG: the peer does not end as it should");
      }
    } finally {
      peer.destroyForcibly();
    }
    System.out.println("all right");
  }

  /**
   * Host, peer's device (TCP), our device (handle), peer's device elsewhere (handle), host (TCP).
   */
  private void bytes(long memory, long there, MemorySegment data, MemorySegment back, byte before)
      throws Exception {
    for (long at = 0; at < BYTES; at += Long.BYTES) {
      data.set(ValueLayout.JAVA_LONG, at, random.nextLong());
    }
    back.fill(before);
    int most = 1 << random.nextInt(23);
    long[] places = new long[1 + random.nextInt(20_000)];
    long[] lengths = new long[places.length];
    int count = 0;
    for (long at = random.nextInt(64); count < places.length; count++) {
      long length = 1L + random.nextInt(most);
      if (at + length > BYTES) {
        break;
      }
      places[count] = at;
      lengths[count] = length;
      at += length + random.nextInt(64);
    }
    move(Operation.WRITE, data.address(), there, places, lengths, count, false);
    move(Operation.READ, memory, there, places, lengths, count, true);
    move(Operation.WRITE, memory, there + BYTES, places, lengths, count, true);
    move(Operation.READ, back.address(), there + BYTES, places, lengths, count, false);
    long at = 0;
    for (int i = 0; i < count; i++) {
      for (; at < places[i]; at++) {
        if (back.get(ValueLayout.JAVA_BYTE, at) != before) {
          throw new AssertionError("WRONG: byte " + at + " is between two blocks");
        }
      }
      long end = places[i] + lengths[i];
      if (MemorySegment.mismatch(data, at, end, back, at, end) != -1) {
        throw new AssertionError("WRONG: block " + i + " at " + at);
      }
      at = end;
    }
  }

  private void move(
      Operation operation,
      long local,
      long remote,
      long[] places,
      long[] lengths,
      int count,
      boolean byHandle)
      throws Exception {
    long[] here = new long[count];
    long[] there = new long[count];
    long[] bytes = new long[count];
    for (int i = 0; i < count; i++) {
      here[i] = local + places[i];
      there[i] = remote + places[i];
      bytes[i] = lengths[i];
    }
    end(operation, BlockColumns.of(here, there, bytes), byHandle);
  }

  private void end(Operation operation, BlockColumns blocks, boolean byHandle) throws Exception {
    Transfer transfer = engine.submit(TransferRequest.of(operation, target, blocks));
    if (transfer.await(LIMIT) != TransferState.COMPLETED) {
      throw new AssertionError("WRONG: " + transfer + ", " + transfer.failure());
    }
    // The log says why, if it is not so.
    if (transfer.report().transport().equals("local") != byHandle) {
      throw new AssertionError("WRONG: went another way: " + transfer.explain());
    }
  }

  private void rate(Device device, int length, long memory, long there) throws Exception {
    int count = Math.min(BYTES / length, 16_384);
    long[] here = new long[count];
    long[] other = new long[count];
    long[] bytes = new long[count];
    for (int i = 0; i < count; i++) {
      // Scattered: each second place, backwards.
      here[i] = memory + (count - 1L - i) * 2 * length;
      other[i] = there + (count - 1L - i) * 2 * length;
      bytes[i] = length;
    }
    BlockColumns blocks = BlockColumns.of(here, other, bytes);
    for (Operation operation : Operation.values()) {
      double best = Double.MAX_VALUE;
      for (int i = 0; i < RATES; i++) {
        long start = System.nanoTime();
        end(operation, blocks, true);
        best = Math.min(best, (System.nanoTime() - start) / 1e9);
      }
      print(operation.toString(), length, count, "by handle", blocks.totalBytes() / best);
    }
    PairList list = new PairList();
    int some = Math.min(count, Math.min(CopyList.RANGES_LIMIT, CopyList.BYTES_LIMIT / length));
    for (int i = 0; i < some; i++) {
      list.add(memory + (long) i * length, memory + BYTES + (long) i * length, length);
    }
    double best = Double.MAX_VALUE;
    try (PairCopier copier = device.pairCopier()) {
      for (int i = 0; i < RATES; i++) {
        long start = System.nanoTime();
        copier.copy(list);
        best = Math.min(best, (System.nanoTime() - start) / 1e9);
      }
    }
    print("COPY", length, some, "within the device", list.bytes() / best);
  }

  private static void print(String what, int length, int count, String how, double rate) {
    System.out.printf(
        "%-5s %9d bytes x %5d, %-17s %7.2f GB/s, best of %d%n",
        what, length, count, how, rate / 1e9, RATES);
  }
}
