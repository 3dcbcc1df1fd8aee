// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.BlockLayout;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
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
 * What the caller's thread pays for a batch of 10,000 blocks of 4 KiB, until the transport has it;
 * that it is ended again is included. The score is for one block.
 *
 * <p>Blocks are in random order. With one registration the blocks stay in it; with 100, nearly each
 * block needs a look-up.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class SubmitBenchmark {
  private static final int BLOCKS = 10_000;
  private static final int BLOCK_BYTES = 4096;
  private static final int BLOCKS_PER_PART = (int) (BenchmarkEngine.PART_BYTES / BLOCK_BYTES);

  @Param({"1", "100"})
  int registrations;

  /** Whether meters and a recording observe each transfer; {@code -p observed=true}. */
  @Param("false")
  boolean observed;

  private AutoCloseable observation = () -> {};

  private final IdleTransport transport = new IdleTransport(false);
  private @Nullable BenchmarkEngine engine;
  private final long[] locals = new long[BLOCKS];
  private final long[] remotes = new long[BLOCKS];
  private final long[] lengths = new long[BLOCKS];
  private TransferRequest listed = request();
  private TransferRequest paged = listed;

  /** Lays the blocks out. A place may be used twice: nothing is moved. */
  @Setup
  public void layOut() {
    BenchmarkEngine made = new BenchmarkEngine(transport, registrations);
    engine = made;
    if (observed) {
      observation = made.observe();
    }
    Random random = new Random(7);
    int[] pages = new int[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
      pages[i] = random.nextInt(BLOCKS_PER_PART);
      locals[i] = made.part(random.nextInt(registrations)) + pages[i] * (long) BLOCK_BYTES;
      remotes[i] = IdleTransport.REMOTE + 2L * i * BLOCK_BYTES;
      lengths[i] = BLOCK_BYTES;
    }
    listed = request();
    BlockLayout here = new BlockLayout(made.part(0), BLOCK_BYTES, BLOCK_BYTES, pages);
    BlockLayout there = new BlockLayout(IdleTransport.REMOTE, 2 * BLOCK_BYTES, BLOCK_BYTES, pages);
    paged =
        TransferRequest.of(Operation.WRITE, BenchmarkEngine.PEER, BlockColumns.paged(here, there));
  }

  private TransferRequest request() {
    return TransferRequest.of(
        Operation.WRITE, BenchmarkEngine.PEER, BlockColumns.of(locals, remotes, lengths));
  }

  /** Gives the memory back. */
  @TearDown
  public void close() throws Exception {
    observation.close();
    engine().close();
  }

  /** A request that was made before. */
  @Benchmark
  @OperationsPerInvocation(BLOCKS)
  public TransferHandle submit() {
    return submitted(listed);
  }

  /** As {@code batchTransferAsync}: the caller's arrays are checked and copied each time. */
  @Benchmark
  @OperationsPerInvocation(BLOCKS)
  public TransferHandle copyAndSubmit() {
    return submitted(request());
  }

  /** Blocks given by their page numbers, always in the first registration. */
  @Benchmark
  @OperationsPerInvocation(BLOCKS)
  public TransferHandle submitPaged() {
    return submitted(paged);
  }

  private TransferHandle submitted(TransferRequest request) {
    TransferHandle transfer = engine().active.submit(request);
    transport.endLast();
    return transfer;
  }

  private BenchmarkEngine engine() {
    return Objects.requireNonNull(engine, "set up");
  }
}
