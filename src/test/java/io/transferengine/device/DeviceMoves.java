// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Transfer;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * Transfers of scattered blocks from one engine, compared and timed: what the checks of one process
 * and of two have in common.
 */
final class DeviceMoves {
  /** The memory on each side. */
  static final int BYTES = 256 << 20;

  private static final int MOST_BLOCKS = 20_000;
  private static final int RATE_BLOCKS = 16_384;
  private static final int RATES = 9;
  private static final int WARM = 2;
  private static final Duration LIMIT = Duration.ofSeconds(20);

  private final Engine engine;
  private final String target;
  private final Random random;

  DeviceMoves(Engine engine, String target, long seed) {
    this.engine = engine;
    this.target = target;
    this.random = new Random(seed);
  }

  /** What is to be seen of a transfer that has completed. */
  interface Look {
    void at(Transfer transfer);
  }

  /** Blocks at the same places on both sides. */
  static final class Scatter {
    private final long[] places;
    private final long[] lengths;

    Scatter(long[] places, long[] lengths) {
      this.places = places;
      this.lengths = lengths;
    }

    BlockColumns columns(long local, long remote) {
      long[] here = new long[places.length];
      long[] there = new long[places.length];
      for (int i = 0; i < places.length; i++) {
        here[i] = local + places[i];
        there[i] = remote + places[i];
      }
      return BlockColumns.of(here, there, lengths);
    }
  }

  static EngineConfig config(LocalMode local) {
    return EngineConfig.builder("127.0.0.1")
        .metadataServer("P2PHANDSHAKE")
        .protocol("tcp")
        .listenAddress("127.0.0.1")
        .local(local)
        .build();
  }

  /**
   * Does rounds until there were enough or the time is over, one at least.
   *
   * @param round gets its number
   */
  static int rounds(int most, int seconds, Round round) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    int done = 0;
    while (done < most && (done == 0 || end - System.nanoTime() > 0)) {
      round.run((byte) done);
      done++;
    }
    return done;
  }

  /** One of several. */
  interface Round {
    void run(byte number) throws Exception;
  }

  /** {@return blocks of any lengths and alignments, with room between them or none} */
  Scatter scatter() {
    int most = 1 << random.nextInt(23);
    long[] places = new long[1 + random.nextInt(MOST_BLOCKS)];
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
    return new Scatter(Arrays.copyOf(places, count), Arrays.copyOf(lengths, count));
  }

  /** {@return blocks of one length, each behind the last one, such as the pages of a KV cache} */
  Scatter pages() {
    int length = 1 << (12 + random.nextInt(9));
    long first = random.nextInt(8);
    int count = (int) Math.min(MOST_BLOCKS, BYTES / length - first);
    long[] places = new long[count];
    long[] lengths = new long[count];
    for (int i = 0; i < count; i++) {
      places[i] = (first + i) * length;
      lengths[i] = length;
    }
    return new Scatter(places, lengths);
  }

  /** {@return all of it} */
  static Scatter whole() {
    return new Scatter(new long[] {0}, new long[] {BYTES});
  }

  void fill(MemorySegment memory) {
    for (long at = 0; at < memory.byteSize(); at += Long.BYTES) {
      memory.set(ValueLayout.JAVA_LONG, at, random.nextLong());
    }
  }

  void move(Operation operation, long local, long remote, Scatter blocks, Look look)
      throws Exception {
    move(operation, blocks.columns(local, remote), look);
  }

  private void move(Operation operation, BlockColumns blocks, Look look) throws Exception {
    Transfer transfer = engine.submit(TransferRequest.of(operation, target, blocks));
    GpuSteps.require(
        transfer.await(LIMIT) == TransferState.COMPLETED, transfer + ", " + transfer.failure());
    look.at(transfer);
  }

  /** The blocks are equal, and what is between them is as it was. */
  static void compare(MemorySegment from, MemorySegment to, Scatter blocks, byte before) {
    long at = 0;
    for (int i = 0; i < blocks.places.length; i++) {
      for (; at < blocks.places[i]; at++) {
        GpuSteps.require(
            to.get(ValueLayout.JAVA_BYTE, at) == before, "byte " + at + " is between two blocks");
      }
      long end = blocks.places[i] + blocks.lengths[i];
      GpuSteps.require(
          MemorySegment.mismatch(from, at, end, to, at, end) == -1, "block " + i + " at " + at);
      at = end;
    }
  }

  /**
   * Prints how fast blocks of a length are moved, scattered over memory that is twice as long.
   *
   * @return the medians
   */
  Rates rate(int length, long local, long remote, int bytes, String what, Look look)
      throws Exception {
    int count = blocks(length, bytes);
    long[] places = new long[count];
    long[] lengths = new long[count];
    for (int i = 0; i < count; i++) {
      places[i] = place(i, count, length);
      lengths[i] = length;
    }
    BlockColumns blocks = new Scatter(places, lengths).columns(local, remote);
    long all = blocks.totalBytes();
    return new Rates(
        rate("WRITE", length, count, what, all, () -> move(Operation.WRITE, blocks, look)),
        rate("READ", length, count, what, all, () -> move(Operation.READ, blocks, look)));
  }

  /** Medians, in GB/s. */
  record Rates(double write, double read) {
    double of(Operation operation) {
      return operation == Operation.WRITE ? write : read;
    }
  }

  /** {@return how many blocks are moved where there are so many bytes} */
  static int blocks(int length, int bytes) {
    return Math.min(bytes / length, RATE_BLOCKS);
  }

  /** {@return where a block is: at each second place, backwards} */
  static long place(int index, int count, int length) {
    return (count - 1L - index) * 2 * length;
  }

  /** Prints how fast a step moves bytes. {@return the median} */
  static double rate(String what, int length, int count, String how, long bytes, GpuSteps.Step step)
      throws Exception {
    for (int i = 0; i < WARM; i++) {
      step.run();
    }
    double[] seconds = new double[RATES];
    for (int i = 0; i < RATES; i++) {
      long start = System.nanoTime();
      step.run();
      seconds[i] = (System.nanoTime() - start) / 1e9;
    }
    double median = bytes / median(seconds) / 1e9;
    System.out.printf(
        "%-5s %9d bytes x %5d, %-17s %7.2f GB/s, median of %d (best %.2f)%n",
        what, length, count, how, median, RATES, bytes / seconds[0] / 1e9);
    return median;
  }

  /** {@return the median; sorts them} */
  static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }
}
