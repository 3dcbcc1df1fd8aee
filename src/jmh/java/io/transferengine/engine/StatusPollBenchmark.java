// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** How does a batch stand? Asked of 1,000 that are under way, in turn. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class StatusPollBenchmark {
  private static final int BATCHES = 1_000;

  private final BenchmarkEngine engine = new BenchmarkEngine(new IdleTransport(false), 1);
  private final BatchTable table = new BatchTable();
  private final long[] ids = new long[BATCHES];
  private final TransferHandle[] transfers = new TransferHandle[BATCHES];
  private int next;

  /** Submits batches that nobody works on. */
  @Setup
  public void submit() {
    for (int i = 0; i < BATCHES; i++) {
      transfers[i] =
          engine.active.submit(
              TransferRequest.of(
                  Operation.WRITE,
                  BenchmarkEngine.PEER,
                  BlockColumns.of(engine.part(0), IdleTransport.REMOTE, 4096)));
      ids[i] = table.add(transfers[i]);
    }
  }

  /** Ends them. */
  @TearDown
  public void close() {
    engine.close();
  }

  /** What {@code transferCheckStatus} does for a batch under way. */
  @Benchmark
  public TransferState byNumber() {
    next = (next + 1) % BATCHES;
    return table.find(ids[next]).orElseThrow().state();
  }

  /** What {@code Transfer.state()} does. */
  @Benchmark
  public TransferState byHandle() {
    next = (next + 1) % BATCHES;
    return transfers[next].state();
  }
}
