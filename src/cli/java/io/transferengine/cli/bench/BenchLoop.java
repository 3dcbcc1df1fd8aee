// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.Engine;
import io.transferengine.Transfer;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.cli.target.Transfers;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.HdrHistogram.Histogram;

/**
 * Measures the same requests again and again. Each thread submits its batch, waits for its end, and
 * submits it again, with the same blocks every time, as Mooncake's own benchmark does. The content
 * is new after warming up, and is compared at the end.
 */
final class BenchLoop implements AutoCloseable {
  static final int SIGNIFICANT_DIGITS = 3;

  /** Before a transfer is due. */
  private static final long AWAKE_NANOS = 200_000;

  private final Engine engine;
  private final TargetLink target;
  private final BenchPace pace;
  private final ExecutorService threads;
  private long seed;

  BenchLoop(Engine engine, TargetLink target, BenchPace pace) {
    this.engine = engine;
    this.target = target;
    this.pace = pace;
    threads = threads(pace.threads());
  }

  /** {@return threads that submit transfers and wait for them} */
  static ExecutorService threads(int count) {
    ThreadFactory factory = Thread.ofPlatform().daemon().name("te-bench-", 0).factory();
    return Executors.newFixedThreadPool(count, factory);
  }

  /** The memory behind requests. */
  interface Content {
    /** Fills the source with new bytes. */
    void refill(long seed);

    /** {@return how the sides differ; empty if they do not} */
    Optional<String> compare();
  }

  /** The figures of one thread. */
  record Share(long transfers, Histogram latencies, Optional<String> problem) {}

  /** The figures of all threads. */
  private record Total(
      long transfers, BenchResult.Cost cost, Histogram latencies, Optional<String> problem) {}

  /** {@return the measurement of {@code requests}, one for each thread} */
  BenchResult measure(List<TransferRequest> requests, Content content) {
    content.refill(++seed);
    Total total = run(requests, pace.warmUpNanos(), pace.warmUpCount(), false);
    Optional<String> problem = total.problem();
    if (problem.isEmpty()) {
      content.refill(++seed);
      total = run(requests, pace.rowNanos(), pace.count(), pace.isTimed());
      problem = total.problem().or(content::compare);
    }
    var blocks = requests.getFirst().blocks();
    return new BenchResult(
        total.transfers() * blocks.totalBytes(),
        total.transfers() * blocks.count(),
        total.cost(),
        total.latencies(),
        problem);
  }

  private Total run(List<TransferRequest> requests, long nanos, long count, boolean timed) {
    BenchMeter meter = new BenchMeter(target);
    long end = System.nanoTime() + nanos;
    List<Future<Share>> futures = new ArrayList<>();
    for (TransferRequest request : requests) {
      futures.add(threads.submit(() -> repeat(() -> transfer(engine, request), end, count, timed)));
    }
    Histogram latencies = new Histogram(SIGNIFICANT_DIGITS);
    long transfers = 0;
    Optional<String> problem = Optional.empty();
    for (Future<Share> future : futures) {
      Share share = outcome(future);
      latencies.add(share.latencies());
      transfers += share.transfers();
      problem = problem.or(share::problem);
    }
    return new Total(transfers, meter.stop(), latencies, problem);
  }

  /** {@return the result of a thread} */
  static <T> T outcome(Future<T> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof CommandException own) {
        throw own;
      }
      throw CommandException.failed("A transfer could not be submitted: " + e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandException.failed("Interrupted while measuring");
    }
  }

  /** {@code count} times, or until {@code end} if that is 0; at least once. */
  Share repeat(Supplier<Optional<String>> work, long end, long count, boolean timed) {
    Histogram latencies = new Histogram(SIGNIFICANT_DIGITS);
    long transfers = 0;
    long first = System.nanoTime();
    long now;
    do {
      // One that is late counts from when it was due: else a stall would hide those behind it.
      long begin = timed ? awaitTime(first + pace.dueNanos(transfers)) : System.nanoTime();
      Optional<String> problem = work.get();
      if (problem.isPresent()) {
        return new Share(transfers, latencies, problem);
      }
      now = System.nanoTime();
      latencies.recordValue(Math.max(1, now - begin));
      transfers++;
    } while (count > 0 ? transfers < count : now - end < 0);
    return new Share(transfers, latencies, Optional.empty());
  }

  /** Sleeps, and is awake a little before, since a sleeper wakes late. {@return that time} */
  private static long awaitTime(long time) {
    long left = time - System.nanoTime();
    while (left > AWAKE_NANOS && !Thread.currentThread().isInterrupted()) {
      LockSupport.parkNanos(left - AWAKE_NANOS);
      left = time - System.nanoTime();
    }
    while (time - System.nanoTime() > 0 && !Thread.currentThread().isInterrupted()) {
      Thread.onSpinWait();
    }
    return time;
  }

  /** Submits and waits. {@return the failure, if any} */
  static Optional<String> transfer(Engine engine, TransferRequest request) {
    Transfer transfer = Transfers.move(engine, request);
    TransferState state = transfer.state();
    if (state == TransferState.COMPLETED) {
      return Optional.empty();
    }
    String why = transfer.failure().map(TransferException::getMessage).orElse("no cause");
    return Optional.of(state + ": " + why);
  }

  /** Ends its threads; their transfers are left behind. */
  @Override
  public void close() {
    stop(threads);
  }

  static void stop(ExecutorService threads) {
    threads.shutdownNow();
    try {
      // Interrupted waits leave transfers behind; ending the memory's registration waits for them.
      boolean _ = threads.awaitTermination(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
