// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.Engine;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.target.MemoryPlaces;
import io.transferengine.cli.target.PagedMemory;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Requests with the KV cache of some number of tokens, from old pools on both sides. */
final class PresetWorkload implements BenchWorkload {
  /** Seeds of the two pools: any two different ones. */
  private static final long INITIATOR_SEED = 1;

  private static final long TARGET_SEED = 2;

  private final PagedMemory memory;
  private final BenchLoop loop;
  private final Plan plan;
  private final boolean corrupt;
  private final List<Case> cases = new ArrayList<>();

  /**
   * What to measure.
   *
   * @param tokens the tokens of a request, one row for each
   */
  record Plan(
      Preset preset,
      int pageTokens,
      List<Integer> tokens,
      List<Operation> operations,
      int threads) {
    Plan {
      tokens = List.copyOf(tokens);
      operations = List.copyOf(operations);
      for (int count : tokens) {
        long blocks = (long) Math.ceilDiv(count, pageTokens) * preset.regions();
        if (blocks > BlockColumns.COUNT_LIMIT) {
          throw CommandException.usage(
              "--tokens %d: %d blocks, but a batch has at most %d"
                  .formatted(count, blocks, BlockColumns.COUNT_LIMIT));
        }
      }
    }

    int pages(int count) {
      return Math.ceilDiv(count, pageTokens);
    }

    long blockBytes() {
      return preset.blockBytes(pageTokens);
    }

    /** {@return the pages that all threads need at once} */
    long pagesNeeded() {
      return (long) threads * tokens.stream().mapToInt(this::pages).max().orElse(1);
    }

    long pageBytes() {
      return preset.regions() * blockBytes();
    }
  }

  PresetWorkload(
      Engine engine,
      TargetLink target,
      MemoryPlaces places,
      Plan plan,
      int pages,
      BenchLoop loop,
      boolean corrupt) {
    this.plan = plan;
    this.loop = loop;
    this.corrupt = corrupt;
    memory =
        new PagedMemory(engine, target, places, plan.preset().regions(), pages, plan.blockBytes());
    for (int tokens : plan.tokens()) {
      int[][] here = deal(pages, INITIATOR_SEED, plan.pages(tokens));
      int[][] there = deal(pages, TARGET_SEED, plan.pages(tokens));
      for (Operation operation : plan.operations()) {
        cases.add(new Case(operation, tokens, here, there));
      }
    }
  }

  /** {@return the pages of each thread} */
  private int[][] deal(int pages, long seed, int each) {
    PagePool pool = PagePool.aged(pages, seed);
    long[] keys = new long[each];
    Arrays.fill(keys, PagePool.NO_KEY);
    int[][] dealt = new int[plan.threads()][];
    for (int thread = 0; thread < dealt.length; thread++) {
      dealt[thread] = pool.acquire(keys).orElseThrow();
    }
    return dealt;
  }

  @Override
  public List<BenchCase> cases() {
    return List.copyOf(cases);
  }

  @Override
  public String explanation() {
    return "every block of the last batch is compared; a batch's pages in a region make this many"
        + " requests when neighbours are joined: "
        + String.join(", ", cases.stream().map(Case::runs).distinct().toList());
  }

  private final class Case implements BenchCase, BenchLoop.Content {
    private final Operation operation;
    private final int tokens;
    private final int[][] here;
    private final int[][] there;

    Case(Operation operation, int tokens, int[][] here, int[][] there) {
      this.operation = operation;
      this.tokens = tokens;
      this.here = here;
      this.there = there;
    }

    @Override
    public BenchRow row() {
      return new BenchRow(
          "%s/%d tokens".formatted(plan.preset().label(), tokens),
          operation,
          plan.blockBytes(),
          plan.pages(tokens) * memory.regions());
    }

    String runs() {
      return PagedMemory.runs(here[0], there[0]) + " of " + plan.pages(tokens);
    }

    @Override
    public Optional<BlockColumns> blocks() {
      return Optional.of(request(0).blocks());
    }

    @Override
    public BenchResult measure() {
      return loop.measure(
          IntStream.range(0, plan.threads()).mapToObj(this::request).toList(), this);
    }

    private TransferRequest request(int thread) {
      boolean write = operation == Operation.WRITE;
      return memory.request(
          operation, write ? here[thread] : there[thread], write ? there[thread] : here[thread]);
    }

    @Override
    public void refill(long seed) {
      PagedMemory.End source = PagedMemory.End.sourceOf(operation);
      int[][] pages = source == PagedMemory.End.INITIATOR ? here : there;
      memory.fill(source, seed, flat(pages));
    }

    @Override
    public Optional<String> compare() {
      if (corrupt) {
        memory.corrupt(there[0][0]);
      }
      return memory.compare(flat(here), flat(there));
    }
  }

  private static int[] flat(int[][] pages) {
    return Arrays.stream(pages).flatMapToInt(IntStream::of).toArray();
  }

  @Override
  public void close() {
    memory.close();
  }
}
