// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.Objects;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What one block of 4 KiB costs from submission to its end, over a transport that completes it at
 * once on the caller's thread.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class OneBlockBenchmark {
  private static final int BLOCK_BYTES = 4096;
  private static final Duration TIME = Duration.ofSeconds(30);

  private @Nullable BenchmarkEngine engine;

  /** Whether meters and a recording observe each transfer; {@code -p observed=true}. */
  @Param("false")
  boolean observed;

  private AutoCloseable observation = () -> {};
  private @Nullable TransferRequest request;

  /** Registers the memory. */
  @Setup
  public void open() {
    BenchmarkEngine made = new BenchmarkEngine(new IdleTransport(true), 1);
    engine = made;
    if (observed) {
      observation = made.observe();
    }
    request = request();
  }

  private TransferRequest request() {
    return TransferRequest.of(
        Operation.WRITE,
        BenchmarkEngine.PEER,
        BlockColumns.of(engine().part(0), IdleTransport.REMOTE, BLOCK_BYTES));
  }

  /** Gives the memory back. */
  @TearDown
  public void close() throws Exception {
    observation.close();
    engine().close();
  }

  /** A request that was made before. */
  @Benchmark
  public TransferState submitAndAwait() throws InterruptedException {
    return engine().active.submit(Objects.requireNonNull(request)).await(TIME);
  }

  /** As {@code transferSync} does it. */
  @Benchmark
  public TransferState makeSubmitAndAwait() throws InterruptedException {
    return engine().active.submit(request()).await(TIME);
  }

  private BenchmarkEngine engine() {
    return Objects.requireNonNull(engine, "set up");
  }
}
