// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.Engine;
import io.transferengine.cli.target.PagedMemory;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;

/**
 * One replay of a trace. Threads take requests in order, wait for their arrival if arrivals are
 * timed, find pages, move them, and go on. The latency of a request counts from its arrival, so
 * that it includes the queue. If requests arrive as fast as they are served, it counts from when
 * the request has its pages.
 */
final class TraceReplay {
  private static final double NANOS_PER_MILLI = 1e6;

  private final Engine engine;
  private final PagedMemory memory;
  private final TracePlan plan;
  private final Operation operation;
  private final TraceCaches caches;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicLong movedPages = new AtomicLong();
  private final AtomicLong runs = new AtomicLong();
  private final AtomicLong seed;
  private final int end;
  private final boolean corrupt;

  /**
   * A replay of the first {@code end} requests.
   *
   * @param seed of the content, different for each replay
   */
  TraceReplay(
      Engine engine,
      PagedMemory memory,
      TracePlan plan,
      Operation operation,
      TraceCaches caches,
      long seed,
      int end,
      boolean corrupt) {
    this.engine = engine;
    this.memory = memory;
    this.plan = plan;
    this.operation = operation;
    this.caches = caches;
    this.seed = new AtomicLong(seed);
    this.end = end;
    this.corrupt = corrupt;
  }

  /** The result of a thread. */
  private record Share(Histogram latencies, Optional<String> problem) {}

  /** {@return the result, timed from now on} */
  BenchResult run(ExecutorService threads, TargetLink target) {
    BenchMeter meter = new BenchMeter(target);
    long begin = System.nanoTime();
    List<Future<Share>> futures = new ArrayList<>();
    for (int i = 0; i < plan.threads(); i++) {
      futures.add(threads.submit(() -> serve(begin)));
    }
    Histogram latencies = new Histogram(BenchLoop.SIGNIFICANT_DIGITS);
    Optional<String> problem = Optional.empty();
    for (Future<Share> future : futures) {
      Share share = BenchLoop.outcome(future);
      latencies.add(share.latencies());
      problem = problem.or(share::problem);
    }
    BenchResult.Cost cost = meter.stop();
    long pages = movedPages.get();
    return new BenchResult(
        pages * plan.pageBytes(), pages * memory.regions(), cost, latencies, problem);
  }

  /** {@return the requests per page when neighbours are joined} */
  double runsPerPage() {
    return (double) runs.get() / Math.max(1, movedPages.get());
  }

  private Share serve(long begin) throws InterruptedException {
    Histogram latencies = new Histogram(BenchLoop.SIGNIFICANT_DIGITS);
    for (int i = next.getAndIncrement(); i < end; i = next.getAndIncrement()) {
      TraceRequest request = plan.requests().get(i);
      long arrival = awaitArrival(request, begin);
      Optional<String> problem = serve(request, arrival, latencies);
      if (problem.isPresent()) {
        next.set(end);
        return new Share(latencies, Optional.of("request " + (i + 1) + ": " + problem.get()));
      }
    }
    return new Share(latencies, Optional.empty());
  }

  private long awaitArrival(TraceRequest request, long begin) throws InterruptedException {
    if (plan.timeScale() == 0) {
      return 0;
    }
    long first = plan.requests().getFirst().timestampMillis();
    double millis = (request.timestampMillis() - first) / plan.timeScale();
    long arrival = begin + (long) (millis * NANOS_PER_MILLI);
    TimeUnit.NANOSECONDS.sleep(arrival - System.nanoTime());
    return arrival;
  }

  private Optional<String> serve(TraceRequest request, long arrival, Histogram latencies)
      throws InterruptedException {
    TraceCaches.Placement placement = place(request);
    try {
      long begin = plan.timeScale() == 0 ? System.nanoTime() : arrival;
      Optional<String> problem = move(placement);
      if (problem.isPresent()) {
        return problem;
      }
      latencies.recordValue(Math.max(1, System.nanoTime() - begin));
      movedPages.addAndGet(placement.sink().length);
      runs.addAndGet(PagedMemory.runs(placement.source(), placement.sink()));
      return plan.verify() ? compare(placement) : Optional.empty();
    } finally {
      caches.moved(request, placement);
    }
  }

  private TraceCaches.Placement place(TraceRequest request) throws InterruptedException {
    long[] keys = plan.pageKeys(request);
    if (!plan.verify()) {
      return caches.place(request, keys);
    }
    // Under a lock: no request may share a page before it has its content.
    synchronized (caches) {
      TraceCaches.Placement placement = caches.place(request, keys);
      try {
        memory.fill(PagedMemory.End.sourceOf(operation), seed.incrementAndGet(), placement.fresh());
        return placement;
      } catch (RuntimeException e) {
        caches.moved(request, placement);
        throw e;
      }
    }
  }

  /** {@return how the sides differ} */
  Optional<String> compare(TraceCaches.Placement placement) {
    boolean write = operation == Operation.WRITE;
    int[] here = write ? placement.source() : placement.sink();
    int[] there = write ? placement.sink() : placement.source();
    if (corrupt) {
      memory.corrupt(there[0]);
    }
    return memory.compare(here, there);
  }

  /** Moves all pages, in several transfers if there are too many blocks for a batch. */
  private Optional<String> move(TraceCaches.Placement placement) {
    int most = BlockColumns.COUNT_LIMIT / memory.regions();
    int pages = placement.sink().length;
    for (int from = 0; from < pages; from += most) {
      int to = Math.min(pages, from + most);
      TransferRequest request =
          memory.request(
              operation,
              Arrays.copyOfRange(placement.source(), from, to),
              Arrays.copyOfRange(placement.sink(), from, to));
      Optional<String> problem = BenchLoop.transfer(engine, request);
      if (problem.isPresent()) {
        return problem;
      }
    }
    return Optional.empty();
  }
}
