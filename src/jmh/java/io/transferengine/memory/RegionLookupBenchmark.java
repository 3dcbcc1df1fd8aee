// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Which registration holds a block? Asked for each block of a batch whose blocks do not stay in
 * one, and by a target for each request. The addresses asked for are random: the branches of the
 * search cannot be predicted, as with blocks from everywhere.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class RegionLookupBenchmark {
  private static final long BASE = 1L << 40;
  private static final long STRIDE_BYTES = 1 << 20;
  private static final long LENGTH_BYTES = STRIDE_BYTES - 4096;
  private static final int BLOCK_BYTES = 4096;
  private static final int ADDRESSES = 1 << 14;

  @Param({"100", "10000"})
  int registrations;

  private final RegionTable table = new RegionTable();
  private final long[] addresses = new long[ADDRESSES];
  private int next;

  /** Fills the table. No byte is ever looked at, so that no memory is needed. */
  @Setup
  public void fill() {
    long[] bases = new long[registrations];
    long[] lengths = new long[registrations];
    for (int i = 0; i < registrations; i++) {
      bases[i] = BASE + i * STRIDE_BYTES;
      lengths[i] = LENGTH_BYTES;
    }
    table.registerAll(bases, lengths, "cpu:0");
    Random random = new Random(7);
    for (int i = 0; i < ADDRESSES; i++) {
      long offset = random.nextLong(LENGTH_BYTES - BLOCK_BYTES + 1);
      addresses[i] = bases[random.nextInt(registrations)] + offset;
    }
  }

  /** One look-up that finds something. */
  @Benchmark
  public @Nullable Region find() {
    next = (next + 1) & (ADDRESSES - 1);
    return table.find(addresses[next], BLOCK_BYTES);
  }
}
