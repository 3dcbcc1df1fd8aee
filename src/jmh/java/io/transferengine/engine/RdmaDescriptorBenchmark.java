// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.InstantRdma;
import java.time.Duration;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Our own cost of RDMA, from submit to completion, with the kernel and the wire out of the picture:
 * 100,000 blocks of 4 KiB over a simulated device that completes what is posted at once: none
 * adjacent, each a work request of its own, or scattered here and joined at the peer, four to a
 * request. The score is for one block; both threads (the caller's and the worker's), two wake-ups
 * per batch, and what the simulator does are in it.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class RdmaDescriptorBenchmark {
  private static final int BLOCKS = 100_000;
  private static final int BLOCK_BYTES = 4096;
  private static final int BLOCKS_PER_PART = (int) (BenchmarkEngine.PART_BYTES / BLOCK_BYTES);
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** Of our memory; the peer's is the same. */
  @Param({"1", "100"})
  int registrations;

  /** Whether 256 blocks each are one range at the peer. */
  @Param({"false", "true"})
  boolean joined;

  private final InstantRdma rdma = new InstantRdma(BenchmarkEngine.PEER);
  private @Nullable BenchmarkEngine engine;
  private @Nullable TransferRequest request;

  /** Lays the blocks out and opens the path. */
  @Setup
  public void layOut() throws InterruptedException {
    BenchmarkEngine made = new BenchmarkEngine(rdma.transport(), registrations);
    engine = made;
    Random random = new Random(7);
    long[] locals = new long[BLOCKS];
    long[] remotes = new long[BLOCKS];
    long[] lengths = new long[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
      // Even pages are ours, odd ones the peer's: in a row, none follows its neighbour.
      int page = 2 * random.nextInt(BLOCKS_PER_PART / 2);
      locals[i] = made.part(random.nextInt(registrations)) + page * (long) BLOCK_BYTES;
      remotes[i] =
          joined
              ? made.part(i / BLOCKS_PER_PART % registrations)
                  + i % BLOCKS_PER_PART * (long) BLOCK_BYTES
              : made.part(random.nextInt(registrations)) + (page + 1L) * BLOCK_BYTES;
      lengths[i] = BLOCK_BYTES;
    }
    request =
        TransferRequest.of(
            Operation.WRITE, BenchmarkEngine.PEER, BlockColumns.of(locals, remotes, lengths));
    var _ = submitToCompletion();
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    Objects.requireNonNull(engine, "set up").close();
    rdma.close();
  }

  /** One batch. */
  @Benchmark
  @OperationsPerInvocation(BLOCKS)
  public TransferState submitToCompletion() throws InterruptedException {
    TransferHandle transfer =
        Objects.requireNonNull(engine, "set up")
            .active
            .submit(Objects.requireNonNull(request, "set up"));
    TransferState end = transfer.await(PATIENCE);
    if (end != TransferState.COMPLETED) {
      throw new IllegalStateException("The batch ended as " + end + ": " + transfer.failure());
    }
    return end;
  }
}
