// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
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
import org.openjdk.jmh.annotations.Warmup;

/**
 * Claims all of a batch, 64 requests at a time, and settles them: what a transport's thread pays
 * for each <em>block</em> before it has done anything. The score is for one block.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class CoalescingBenchmark {
  private static final int BLOCKS = 10_000;
  private static final int BLOCK_BYTES = 4096;
  private static final long LOCAL = 1L << 40;
  private static final long REMOTE = 1L << 41;
  private static final int CLAIM_REQUESTS = 64;
  private static final long REQUEST_MAX_BYTES = 4L << 20;

  /** Blocks in a row that are adjacent: 1 is none, 10,000 is one range. */
  @Param({"1", "8", "10000"})
  int run;

  private BlockColumns blocks = BlockColumns.of(LOCAL, REMOTE, 1);
  private final Counting sink = new Counting();

  /** Counts; what it is handed it forgets. */
  private static final class Counting implements RequestSink<TransferTask>, TransferWork.Listener {
    long bytes;
    @Nullable TransferState end;

    @Override
    public void request(
        TransferTask task, int firstBlock, long local, long remote, long length, boolean unmerged) {
      bytes += length;
    }

    @Override
    public void taskEnded(
        TransferState state, @Nullable TransferException failure, @Nullable FailureCause cause) {
      end = state;
    }
  }

  /** Runs of adjacent blocks with a gap of one block between them. */
  @Setup
  public void layOut() {
    long[] locals = new long[BLOCKS];
    long[] remotes = new long[BLOCKS];
    long[] lengths = new long[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
      long offset = (i + i / run) * (long) BLOCK_BYTES;
      locals[i] = LOCAL + offset;
      remotes[i] = REMOTE + offset;
      lengths[i] = BLOCK_BYTES;
    }
    blocks = BlockColumns.of(locals, remotes, lengths);
  }

  private static SeamFinder range(long start) {
    return new SeamFinder(new long[] {start}, new long[] {start + (1L << 30)});
  }

  /** One batch, a task made for it included. */
  @Benchmark
  @OperationsPerInvocation(BLOCKS)
  public TransferState claimAndSettle() {
    TransferTask task =
        new TransferTask(Operation.WRITE, blocks, range(LOCAL), range(REMOTE), sink);
    sink.end = null;
    int requests;
    do {
      long before = sink.bytes;
      requests = task.claim(sink, CLAIM_REQUESTS, Long.MAX_VALUE, REQUEST_MAX_BYTES);
      if (requests > 0) {
        task.completed(requests, sink.bytes - before);
      }
    } while (requests > 0);
    TransferState end = sink.end;
    if (end != TransferState.COMPLETED) {
      throw new IllegalStateException("The batch ended as " + end);
    }
    return end;
  }
}
