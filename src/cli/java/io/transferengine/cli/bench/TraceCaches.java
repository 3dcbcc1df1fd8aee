// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;

/**
 * The caches of the two servers of a replayed trace, and the pages that each request holds.
 * Thread-safe.
 *
 * <p>The source computes prompts. It keeps their pages as a prefix cache: a prompt that begins like
 * an earlier one shares its pages, wherever they lie. The sink generates answers. It takes new
 * pages for all of a prompt and holds them until the answer is generated, which takes {@link
 * #MILLIS_PER_TOKEN} per token, in the time of the trace. When the sink is full, the requests that
 * would end first end early.
 */
final class TraceCaches {
  /** A usual speed of generation. */
  private static final long MILLIS_PER_TOKEN = 20;

  /** Requests whose content can still be compared at the end. */
  private static final int RECENT_LIMIT = 16;

  private final PagePool source;
  private final PagePool sink;
  private final PriorityQueue<Held> generating =
      new PriorityQueue<>(Comparator.comparingLong(Held::endMillis));
  private int underWay;

  TraceCaches(int pages) {
    source = new PagePool(pages);
    sink = new PagePool(pages);
  }

  /** The places of a request. Do not change the arrays. */
  static final class Placement {
    private final int[] source;
    private final int[] fresh;
    private final int[] sink;

    private Placement(int[] source, int[] fresh, int[] sink) {
      this.source = source;
      this.fresh = fresh;
      this.sink = sink;
    }

    /** {@return its pages at the source} */
    int[] source() {
      return source;
    }

    /** {@return the source's pages that had no content before} */
    int[] fresh() {
      return fresh;
    }

    /** {@return its pages at the sink} */
    int[] sink() {
      return sink;
    }
  }

  /** A request at the sink. */
  private record Held(long endMillis, Placement placement) {}

  /**
   * {@return pages for a request} Waits for requests under way until there are enough.
   *
   * @throws CommandException if the caches are too small for it
   */
  synchronized Placement place(TraceRequest request, long[] keys) throws InterruptedException {
    while (!generating.isEmpty() && generating.peek().endMillis() <= request.timestampMillis()) {
      end(generating.remove());
    }
    while (true) {
      Optional<Placement> placement = tryToPlace(keys);
      if (placement.isPresent()) {
        underWay++;
        return placement.get();
      }
      if (!generating.isEmpty() && sink.free() < keys.length) {
        end(generating.remove());
      } else if (underWay > 0) {
        wait();
      } else {
        throw CommandException.usage(
            "A request of %d pages does not fit into caches of %d: give more --memory, or a larger"
                    .formatted(keys.length, source.pages())
                + " --token-scale");
      }
    }
  }

  private Optional<Placement> tryToPlace(long[] keys) {
    if (sink.free() < keys.length) {
      return Optional.empty();
    }
    boolean[] cached = new boolean[keys.length];
    for (int i = 0; i < keys.length; i++) {
      cached[i] = source.has(keys[i]);
    }
    Optional<int[]> pages = source.acquire(keys);
    if (pages.isEmpty()) {
      return Optional.empty();
    }
    int[] fresh = new int[keys.length];
    int count = 0;
    for (int i = 0; i < keys.length; i++) {
      if (!cached[i]) {
        fresh[count++] = pages.get()[i];
      }
    }
    long[] unshared = new long[keys.length];
    Arrays.fill(unshared, PagePool.NO_KEY);
    int[] room = sink.acquire(unshared).orElseThrow();
    return Optional.of(new Placement(pages.get(), Arrays.copyOf(fresh, count), room));
  }

  private void end(Held held) {
    sink.release(held.placement().sink());
  }

  /** The request was moved: the source releases it, the sink begins to generate. */
  synchronized void moved(TraceRequest request, Placement placement) {
    source.release(placement.source());
    long end = request.timestampMillis() + request.outputTokens() * MILLIS_PER_TOKEN;
    generating.add(new Held(end, placement));
    underWay--;
    notifyAll();
  }

  /** {@return some of the requests that the sink holds} */
  synchronized List<Placement> held() {
    Deque<Placement> recent = new ArrayDeque<>();
    for (Held held : generating) {
      if (recent.size() < RECENT_LIMIT) {
        recent.add(held.placement());
      }
    }
    return List.copyOf(recent);
  }

  /** {@return the share of pages that were already in the source's cache} */
  synchronized double hitShare(long pages) {
    return pages == 0 ? 0 : (double) source.hits() / pages;
  }
}
