// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import io.transferengine.Engine;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.Transfer;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.HdrHistogram.Histogram;

/**
 * Measures rows one after the other. Each thread submits a batch, waits for its end, and submits it
 * again: the same blocks every time, as Mooncake's own benchmark does. Both sides hold a block at
 * the same place of their memory, so that a sample of it can be compared afterwards; the content is
 * new after warming up.
 */
final class BenchRunner implements AutoCloseable {
  /** What a comparison digests at most, on each side. */
  private static final long SAMPLE_BYTES_LIMIT = 32 << 20;

  /** Keeps the request to the target a short line. */
  private static final int SAMPLE_BLOCKS_LIMIT = 64;

  /** Not a seed of any row. */
  private static final long SPOILING_SEED = -1;

  private static final int SIGNIFICANT_DIGITS = 3;

  private final Engine engine;
  private final TargetLink target;
  private final BenchPlan plan;
  private final boolean corrupt;
  private final BlockMemory memory;
  private final long remoteBase;
  private final ExecutorService threads;
  private long seed;

  /** With {@code corrupt}, for tests, each comparison fails. */
  BenchRunner(Engine engine, TargetLink target, BenchPlan plan, boolean corrupt) {
    this.engine = engine;
    this.target = target;
    this.plan = plan;
    this.corrupt = corrupt;
    long bytes = plan.rows().stream().mapToLong(BenchPlan.Row::extentBytes).max().orElse(1);
    String[] remote = target.ask("allocate", 1, 1, 1, bytes, 0).split(" ", -1);
    remoteBase = Long.parseLong(remote[0]);
    memory = BlockMemory.allocate(engine, BlockShape.single(bytes), 0);
    ThreadFactory factory = Thread.ofPlatform().daemon().name("te-bench-", 0).factory();
    threads = Executors.newFixedThreadPool(plan.threads(), factory);
  }

  /** What one thread did. */
  private record Share(long transfers, Histogram latencies, Optional<String> problem) {}

  /** What all threads did. */
  private record Total(long transfers, long nanos, Histogram latencies, Optional<String> problem) {}

  BenchResult measure(BenchPlan.Row row) {
    List<TransferRequest> requests = requests(row);
    refill(row);
    Total warmUp = run(requests, plan.warmUpNanos(), plan.count() > 0 ? plan.warmUpCount() : 0);
    if (warmUp.problem().isPresent()) {
      return result(row, warmUp, 0, 0, warmUp.problem());
    }
    refill(row);
    long targetBegin = targetCpuNanos();
    long initiatorBegin = ProcessorTime.ofThisProcessNanos();
    Total total = run(requests, plan.rowNanos(), plan.count());
    long initiatorNanos = ProcessorTime.ofThisProcessNanos() - initiatorBegin;
    long targetNanos = targetCpuNanos() - targetBegin;
    Optional<String> problem = total.problem().or(() -> compareSample(row));
    return result(row, total, initiatorNanos, targetNanos, problem);
  }

  private static BenchResult result(
      BenchPlan.Row row,
      Total total,
      long initiatorNanos,
      long targetNanos,
      Optional<String> problem) {
    long bytes = total.transfers() * row.batchBytes();
    return new BenchResult(
        row, bytes, total.nanos(), total.latencies(), initiatorNanos, targetNanos, problem);
  }

  private List<TransferRequest> requests(BenchPlan.Row row) {
    List<TransferRequest> requests = new ArrayList<>();
    for (int thread = 0; thread < plan.threads(); thread++) {
      long[] offsets = row.offsets(thread).toArray();
      long base = memory.regionAddresses()[0];
      long[] lengths = new long[offsets.length];
      Arrays.fill(lengths, row.blockBytes());
      requests.add(
          TransferRequest.of(
              row.operation(),
              target.segmentName(),
              BlockColumns.of(
                  LongStream.of(offsets).map(offset -> base + offset).toArray(),
                  LongStream.of(offsets).map(offset -> remoteBase + offset).toArray(),
                  lengths)));
    }
    return requests;
  }

  /** New content where the bytes come from. */
  private void refill(BenchPlan.Row row) {
    seed++;
    if (row.operation() == Operation.WRITE) {
      memory.fillStart(seed, row.extentBytes());
    } else {
      target.ask("fill", seed, row.extentBytes());
    }
  }

  private Total run(List<TransferRequest> requests, long nanos, long count) {
    long begin = System.nanoTime();
    List<Future<Share>> futures =
        requests.stream()
            .map(request -> threads.submit(() -> repeat(request, begin + nanos, count)))
            .toList();
    Histogram latencies = new Histogram(SIGNIFICANT_DIGITS);
    long transfers = 0;
    Optional<String> problem = Optional.empty();
    for (Future<Share> future : futures) {
      Share share = outcome(future);
      latencies.add(share.latencies());
      transfers += share.transfers();
      problem = problem.or(share::problem);
    }
    return new Total(transfers, System.nanoTime() - begin, latencies, problem);
  }

  private static Share outcome(Future<Share> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw CommandException.failed("A transfer could not be submitted: " + e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandException.failed("Interrupted while measuring");
    }
  }

  /** {@code count} times, or until {@code end} when that is 0; once at least. */
  private Share repeat(TransferRequest request, long end, long count) {
    Histogram latencies = new Histogram(SIGNIFICANT_DIGITS);
    long transfers = 0;
    do {
      long begin = System.nanoTime();
      Transfer transfer = engine.submit(request);
      TransferState state = Waiting.forEnd(transfer);
      if (state != TransferState.COMPLETED) {
        String why = transfer.failure().map(TransferException::getMessage).orElse("no cause");
        return new Share(transfers, latencies, Optional.of(state + ": " + why));
      }
      latencies.recordValue(Math.max(1, System.nanoTime() - begin));
      transfers++;
    } while (count > 0 ? transfers < count : System.nanoTime() - end < 0);
    return new Share(transfers, latencies, Optional.empty());
  }

  private long targetCpuNanos() {
    return Long.parseLong(target.ask("cpu"));
  }

  private Optional<String> compareSample(BenchPlan.Row row) {
    if (corrupt) {
      target.ask("fill", SPOILING_SEED, Math.min(row.blockBytes(), Long.BYTES));
    }
    long most = Math.clamp(SAMPLE_BYTES_LIMIT / row.blockBytes(), 1, SAMPLE_BLOCKS_LIMIT);
    long step = Math.ceilDiv(row.slots(), most);
    long[] offsets =
        LongStream.iterate(0, slot -> slot < row.slots(), slot -> slot + step)
            .map(slot -> slot * row.strideBytes())
            .toArray();
    String here = memory.digest(offsets, row.blockBytes());
    String there =
        target.ask("digest-ranges", row.blockBytes(), TargetLink.list(LongStream.of(offsets)));
    return here.equals(there)
        ? Optional.empty()
        : Optional.of("SHA-256 of a sample is %s here and %s there".formatted(here, there));
  }

  @Override
  public void close() {
    threads.shutdownNow();
    try {
      // Interrupted waits leave transfers behind; the memory's registration waits for those.
      threads.awaitTermination(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    memory.close();
  }
}
