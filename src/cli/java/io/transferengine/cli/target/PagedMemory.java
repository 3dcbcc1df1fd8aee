// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.Engine;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A paged KV cache on both sides, of one shape: page {@code p} is the {@code p}-th block of each
 * region. Thread-safe: threads ask the target one at a time.
 */
public final class PagedMemory implements AutoCloseable {
  private final TargetLink target;
  private final BlockShape shape;
  private final BlockMemory memory;
  private final long[] remoteBases;

  /** One of the sides. */
  public enum End {
    INITIATOR,
    TARGET;

    /** {@return the side from which the bytes come} */
    public static End sourceOf(Operation operation) {
      return operation == Operation.WRITE ? INITIATOR : TARGET;
    }

    End other() {
      return this == INITIATOR ? TARGET : INITIATOR;
    }
  }

  public PagedMemory(
      Engine engine,
      TargetLink target,
      MemoryPlaces places,
      int regions,
      int pages,
      long blockBytes) {
    this.target = target;
    shape = new BlockShape(regions, pages, 1, blockBytes);
    String[] answer =
        target.ask("allocate", regions, pages, 1, blockBytes, 0, places.target()).split(" ", -1);
    remoteBases = TargetLink.numbers(answer[0]);
    memory = BlockMemory.allocate(engine, shape, 0, places.here());
  }

  /** {@return the blocks of a page} */
  public int regions() {
    return shape.regions();
  }

  long blockBytes() {
    return shape.blockBytes();
  }

  /**
   * {@return a request that moves pages, region after region}
   *
   * @param source the pages from which the bytes come
   * @param sink the pages to which they go, the same number
   */
  public TransferRequest request(Operation operation, int[] source, int[] sink) {
    boolean write = operation == Operation.WRITE;
    long[] lengths = new long[Math.multiplyExact(source.length, regions())];
    Arrays.fill(lengths, blockBytes());
    return TransferRequest.of(
        operation,
        target.segmentName(),
        BlockColumns.of(
            shape.addresses(memory.regionAddresses(), write ? source : sink),
            shape.addresses(remoteBases, write ? sink : source),
            lengths));
  }

  /** Fills pages with random bytes. */
  public synchronized void fill(End end, long seed, int[] pages) {
    if (pages.length == 0) {
      return;
    }
    switch (end) {
      case INITIATOR -> memory.fillPages(seed, pages);
      case TARGET -> target.ask("fill-pages", seed, list(pages));
    }
  }

  /** {@return how the pages differ; empty if they hold the same} */
  public synchronized Optional<String> compare(int[] here, int[] there) {
    String ours = memory.digestPages(here);
    String theirs = target.ask("digest-pages", list(there));
    return ours.equals(theirs)
        ? Optional.empty()
        : Optional.of(
            "SHA-256 of %d pages is %s here and %s there".formatted(here.length, ours, theirs));
  }

  /** Inverts a bit at the target; for a test that the comparison fails. */
  public synchronized void corrupt(int page) {
    target.ask("flip-page", page);
  }

  private static String list(int[] pages) {
    return TargetLink.list(IntStream.of(pages).asLongStream());
  }

  /** {@return the number of requests for each region if neighbours are moved together} */
  public static int runs(int[] source, int[] sink) {
    int runs = Math.min(1, source.length);
    for (int i = 1; i < source.length; i++) {
      boolean neighbours = source[i] == source[i - 1] + 1 && sink[i] == sink[i - 1] + 1;
      runs += neighbours ? 0 : 1;
    }
    return runs;
  }

  @Override
  public void close() {
    memory.close();
  }
}
