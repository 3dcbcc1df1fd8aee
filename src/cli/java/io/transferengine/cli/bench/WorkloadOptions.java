// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.Engine;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.MachineMemory;
import io.transferengine.cli.console.Ranges;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.MemoryPlaces;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.transfer.Operation;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The blocks that are moved, and how often. */
final class WorkloadOptions {
  private static final int BATCH_LIMIT = 1_000_000;
  private static final int THREADS_LIMIT = 256;
  private static final double SECONDS_LIMIT = 600;
  private static final double RATE_LIMIT = 10_000_000;
  private static final List<Long> GRID_SIZES = List.of(4L << 10, 64L << 10, 1L << 20, 16L << 20);
  private static final List<Long> LATENCY_SIZES = List.of(8L, 4L << 10, 64L << 10);
  private static final long DEFAULT_MEMORY_BYTES = 512L << 20;

  @Option(
      names = "--sizes",
      split = ",",
      paramLabel = "SIZE",
      converter = Units.SizeConverter.class,
      description = "Block sizes. Default: 4K,64K,1M,16M; with --latency 8,4K,64K.")
  private List<Long> sizes = new ArrayList<>();

  @Option(
      names = "--batch",
      split = ",",
      paramLabel = "N",
      defaultValue = "1,128",
      description = "Blocks of a batch. Default: ${DEFAULT-VALUE}.")
  private List<Integer> batches = new ArrayList<>();

  @Option(
      names = "--op",
      split = ",",
      paramLabel = "OP",
      defaultValue = "write,read",
      description = "write, read or both. Default: ${DEFAULT-VALUE}.")
  private List<Operation> operations = new ArrayList<>();

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "3",
      description = "Seconds for a row. Default: ${DEFAULT-VALUE}.")
  private double seconds;

  @Option(
      names = "--count",
      paramLabel = "N",
      description = "Batches per thread in a row, instead of --seconds.")
  private @Nullable Long count;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "1",
      description = "Submitting threads. Default: ${DEFAULT-VALUE}.")
  private int threads;

  @Option(
      names = "--latency",
      description =
          "One block at a time by one thread, and the percentiles of its time up to p99.99.")
  private boolean latency;

  @Option(
      names = "--rate",
      paramLabel = "N",
      description =
          "With --latency, blocks a second; times count from when a block is due, so that those"
              + " behind a slow one are slow, too. Default: the next when the last has ended.")
  private @Nullable Double rate;

  @Option(names = "--adjacent", description = "Blocks lie side by side, so the engine joins them.")
  private boolean adjacent;

  @Mixin private final MemoryOptions memory = new MemoryOptions();

  @Option(
      names = "--corrupt-for-test",
      hidden = true,
      description = "Spoils the target's memory before the comparison.")
  private boolean corrupt;

  @Mixin private final PagedOptions paged = new PagedOptions();

  /** {@code here} if both sides are on this machine. */
  void requireValid(boolean here) {
    paged.requireValid();
    memory.requireValid(here, !paged.replays() && !paged.hasPreset());
    batches.forEach(batch -> Ranges.require("--batch", batch, BATCH_LIMIT));
    Ranges.require("--threads", threads, THREADS_LIMIT);
    if (count != null) {
      Ranges.require("--count", count, Long.MAX_VALUE);
    }
    Ranges.requireAboveZero("--seconds", seconds, SECONDS_LIMIT);
    if (rate != null) {
      if (!latency) {
        throw CommandException.usage("--rate needs --latency");
      }
      Ranges.requireAboveZero("--rate", rate, RATE_LIMIT);
    }
  }

  /** {@return whether percentiles are wanted, of one block at a time} */
  boolean latency() {
    return latency;
  }

  /** {@return the blocks that begin in a second, if they are due at times of their own} */
  OptionalDouble rate() {
    return rate == null ? OptionalDouble.empty() : OptionalDouble.of(rate);
  }

  int threads() {
    return threads;
  }

  BenchPace pace() {
    return new BenchPace(seconds, count == null ? 0 : count, threads, rate().orElse(0), latency);
  }

  /** {@return the measurement; {@code copies} of its memory are on this machine} */
  BenchWorkload open(Engine engine, TargetLink target, BenchLoop loop, int copies) {
    if (paged.replays()) {
      TracePlan plan = paged.trace(threads);
      int pages = paged.tracePages(plan, memoryBytes(copies));
      return new TraceWorkload(engine, target, memory.places(), plan, operations, pages, corrupt);
    }
    if (paged.hasPreset()) {
      PresetWorkload.Plan plan = paged.preset(operations, threads);
      int pages = paged.presetPages(plan, memory.bytes(), MachineMemory.sizeLimitBytes(copies, 1));
      return new PresetWorkload(engine, target, memory.places(), plan, pages, loop, corrupt);
    }
    GridPlan plan =
        new GridPlan(
            operations,
            sizes(),
            latency ? List.of(1) : batches,
            threads,
            adjacent,
            memoryBytes(copies));
    return new GridWorkload(engine, target, plan, loop, memory.places(), corrupt);
  }

  private List<Long> sizes() {
    if (!sizes.isEmpty()) {
      return sizes;
    }
    return latency ? LATENCY_SIZES : GRID_SIZES;
  }

  /** {@return where the memory of both sides is} */
  MemoryPlaces places() {
    return memory.places();
  }

  /** {@return the memory of a side, unless a preset needs more} */
  long memoryBytes(int copies) {
    Long asked = memory.bytes();
    return asked != null
        ? asked
        : Math.min(DEFAULT_MEMORY_BYTES, MachineMemory.sizeLimitBytes(copies, 1));
  }
}
