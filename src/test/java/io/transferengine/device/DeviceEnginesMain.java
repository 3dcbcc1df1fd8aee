// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Transfer;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;

/**
 * Two engines over TCP on the loopback, each with memory on a real device and host memory: bytes
 * from every kind to every kind, written and read, compared, and then how fast, beside the same
 * between host memory. For {@code src/test/gpu/run}, on a machine with a device.
 */
final class DeviceEnginesMain {
  private static final int BYTES = 256 << 20;
  private static final int ROUNDS = 20;
  private static final int RATES = 7;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final Engine asking;
  private final String target;
  private final Random random;

  private DeviceEnginesMain(Engine asking, String target, long seed) {
    this.asking = asking;
    this.target = target;
    this.random = new Random(seed);
  }

  /** {@code DeviceEnginesMain SEED}; exit status as {@code src/test/gpu/run} says. */
  public static void main(String[] arguments) throws Exception {
    Optional<String> absent = Devices.unavailabilityCause();
    if (absent.isPresent()) {
      System.err.println(absent.get());
      System.exit(3);
    }
    try (Devices devices = new Devices();
        Arena arena = Arena.ofShared();
        Engine asking = Engine.open(config());
        Engine asked = Engine.open(config())) {
      Device device = devices.of(MemoryKind.at("cuda:0"));
      long memory = device.allocate(BYTES);
      long there = 0;
      try {
        there = device.allocate(BYTES);
        MemorySegment from = arena.allocate(BYTES, 4096);
        MemorySegment to = arena.allocate(BYTES, 4096);
        MemorySegment host = arena.allocate(BYTES, 4096);
        var _ = asked.register(from);
        var _ = asked.register(to);
        var _ = asking.register(host);
        var registered = asking.register(memory, BYTES, "cuda:0");
        DeviceEnginesMain check =
            new DeviceEnginesMain(asking, asked.segmentName(), Long.parseLong(arguments[0]));
        var registeredThere = asked.register(there, BYTES, "cuda:0");
        for (int round = 0; round < ROUNDS; round++) {
          check.bytes(memory, there, host, from, to, (byte) round);
        }
        System.out.println("bytes: right in " + ROUNDS + " rounds of all kinds");
        for (int length : new int[] {4 << 10, 64 << 10, 1 << 20}) {
          check.rate(length, memory, to.address(), "device and host");
          check.rate(length, host.address(), there, "host and device");
          check.rate(length, memory, there, "device and device");
          check.rate(length, host.address(), to.address(), "host and host");
        }
        registered.close();
        registeredThere.close();
      } finally {
        if (there != 0) {
          device.free(there);
        }
        device.free(memory);
      }
    }
    System.out.println("all right");
  }

  private static EngineConfig config() {
    return EngineConfig.builder("127.0.0.1")
        .metadataServer("P2PHANDSHAKE")
        .protocol("tcp")
        .listenAddress("127.0.0.1")
        .local(LocalMode.OFF)
        .build();
  }

  private void bytes(
      long memory,
      long there,
      MemorySegment host,
      MemorySegment from,
      MemorySegment to,
      byte before)
      throws Exception {
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
    fill(from);
    to.fill(before);
    move(Operation.READ, memory, from.address(), places, lengths, count);
    move(Operation.WRITE, memory, there, places, lengths, count);
    move(Operation.READ, host.address(), there, places, lengths, count);
    move(Operation.WRITE, host.address(), to.address(), places, lengths, count);
    compare(from, to, places, lengths, count, before);
    fill(host);
    to.fill(before);
    move(Operation.WRITE, host.address(), there, places, lengths, count);
    move(Operation.READ, memory, there, places, lengths, count);
    move(Operation.WRITE, memory, to.address(), places, lengths, count);
    compare(host, to, places, lengths, count, before);
  }

  private void fill(MemorySegment memory) {
    for (long at = 0; at < BYTES; at += Long.BYTES) {
      memory.set(ValueLayout.JAVA_LONG, at, random.nextLong());
    }
  }

  private void move(
      Operation operation, long memory, long remote, long[] places, long[] lengths, int count)
      throws Exception {
    long[] here = new long[count];
    long[] there = new long[count];
    long[] bytes = new long[count];
    for (int i = 0; i < count; i++) {
      here[i] = memory + places[i];
      there[i] = remote + places[i];
      bytes[i] = lengths[i];
    }
    end(operation, BlockColumns.of(here, there, bytes));
  }

  private void end(Operation operation, BlockColumns blocks) throws Exception {
    Transfer transfer = asking.submit(TransferRequest.of(operation, target, blocks));
    if (transfer.await(LIMIT) != TransferState.COMPLETED) {
      throw new AssertionError("WRONG: " + transfer + ", " + transfer.failure());
    }
  }

  private static void compare(
      MemorySegment from, MemorySegment to, long[] places, long[] lengths, int count, byte before) {
    long at = 0;
    for (int i = 0; i < count; i++) {
      for (; at < places[i]; at++) {
        if (to.get(ValueLayout.JAVA_BYTE, at) != before) {
          throw new AssertionError("WRONG: byte " + at + " is between two blocks");
        }
      }
      long end = places[i] + lengths[i];
      if (MemorySegment.mismatch(from, at, end, to, at, end) != -1) {
        throw new AssertionError("WRONG: block " + i + " at " + at);
      }
      at = end;
    }
  }

  private void rate(int length, long local, long remote, String what) throws Exception {
    int count = Math.min(BYTES / 2 / length, 16_384);
    long[] here = new long[count];
    long[] there = new long[count];
    long[] bytes = new long[count];
    for (int i = 0; i < count; i++) {
      // Scattered: each second place, backwards.
      here[i] = local + (count - 1L - i) * 2 * length;
      there[i] = remote + (count - 1L - i) * 2 * length;
      bytes[i] = length;
    }
    BlockColumns blocks = BlockColumns.of(here, there, bytes);
    for (Operation operation : Operation.values()) {
      double best = Double.MAX_VALUE;
      for (int i = 0; i < RATES; i++) {
        long start = System.nanoTime();
        end(operation, blocks);
        best = Math.min(best, (System.nanoTime() - start) / 1e9);
      }
      System.out.printf(
          "%-5s %7d bytes x %5d, %-17s %5.2f GB/s, best of %d%n",
          operation, length, count, what, blocks.totalBytes() / best / 1e9, RATES);
    }
  }
}
