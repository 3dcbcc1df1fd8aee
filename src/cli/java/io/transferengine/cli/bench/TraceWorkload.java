// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.Engine;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.MemoryPlaces;
import io.transferengine.cli.target.PagedMemory;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.transfer.Operation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.stream.IntStream;

/** A trace of requests: one row for each operation. */
final class TraceWorkload implements BenchWorkload {
  /** Requests for warming up; they are replayed again from empty caches. */
  private static final int WARM_UP_REQUESTS = 32;

  /** Seeds for one replay: more than the requests. */
  private static final long SEEDS = 1L << 32;

  /** Pages that are filled at once: a request to the target of some kilobytes. */
  private static final int FILL_PAGES = 1024;

  private final Engine engine;
  private final TargetLink target;
  private final TracePlan plan;
  private final List<Operation> operations;
  private final int pages;
  private final boolean corrupt;
  private final PagedMemory memory;
  private final ExecutorService threads;
  private final List<String> observations = new ArrayList<>();
  private long seed;

  /** With {@code corrupt}, for tests, each comparison fails. */
  TraceWorkload(
      Engine engine,
      TargetLink target,
      MemoryPlaces places,
      TracePlan plan,
      List<Operation> operations,
      int pages,
      boolean corrupt) {
    this.engine = engine;
    this.target = target;
    this.plan = plan;
    this.operations = List.copyOf(operations);
    this.pages = pages;
    this.corrupt = corrupt;
    Preset preset = plan.preset();
    memory =
        new PagedMemory(
            engine, target, places, preset.regions(), pages, preset.blockBytes(plan.pageTokens()));
    threads = BenchLoop.threads(plan.threads());
  }

  @Override
  public List<BenchCase> cases() {
    return operations.stream().<BenchCase>map(Case::new).toList();
  }

  @Override
  public String explanation() {
    return "a batch is a request of the trace; its size is the mean; caches of "
        + Units.count(pages)
        + " pages; "
        + String.join("; ", observations.stream().distinct().toList())
        + (plan.verify()
            ? "; every block of every request is compared; the time for that counts in GB/s,"
                + " blocks/s, CPU and heap, but not in the percentiles"
            : "; some requests that the sink still holds at the end are compared");
  }

  private final class Case implements BenchCase {
    private final Operation operation;

    Case(Operation operation) {
      this.operation = operation;
    }

    @Override
    public BenchRow row() {
      return new BenchRow(
          "%s/%s/1:%d".formatted(plan.name(), plan.preset().label(), plan.tokenScale()),
          operation,
          plan.preset().blockBytes(plan.pageTokens()),
          plan.meanBlocks());
    }

    @Override
    public BenchResult measure() {
      fillSource();
      BenchResult warmUp =
          replay(new TraceCaches(pages), Math.min(WARM_UP_REQUESTS, plan.requests().size()));
      if (warmUp.problem().isPresent()) {
        return warmUp;
      }
      fillSource();
      return replay(new TraceCaches(pages), plan.requests().size());
    }

    /** New bytes, different from earlier ones at the sink. */
    private void fillSource() {
      for (int from = 0; from < pages; from += FILL_PAGES) {
        seed += SEEDS;
        int[] range = IntStream.range(from, Math.min(pages, from + FILL_PAGES)).toArray();
        memory.fill(PagedMemory.End.sourceOf(operation), seed, range);
      }
    }

    private BenchResult replay(TraceCaches caches, int end) {
      TraceReplay replay =
          new TraceReplay(engine, memory, plan, operation, caches, seed, end, corrupt);
      BenchResult result = replay.run(threads, target);
      if (end == plan.requests().size()) {
        observations.add(
            "%s %% of the pages shared with earlier requests, %s requests for 1,000 blocks when"
                    .formatted(
                        Units.fixed(100 * caches.hitShare(plan.totalPages()), 1),
                        Units.count(Math.round(1000 * replay.runsPerPage())))
                + " neighbours are joined");
      }
      return result.problem().isEmpty() && !plan.verify()
          ? result.with(sample(caches, replay))
          : result;
    }

    private Optional<String> sample(TraceCaches caches, TraceReplay replay) {
      return caches.held().stream().map(replay::compare).flatMap(Optional::stream).findFirst();
    }
  }

  @Override
  public void close() {
    BenchLoop.stop(threads);
    memory.close();
  }
}
