// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Gives out the pages of a KV cache as inference servers do. Not thread-safe.
 *
 * <p>A page is in use by some requests, or free. Free pages are in a queue: released pages go to
 * its end, new pages come from its head. A page may have a <i>key</i>, which stands for its
 * content: the tokens up to its end. A free page keeps its content and its key until it is taken
 * for something else. So the queue is both the list of free pages and a prefix cache that evicts
 * the least recently used page. A request for a key that some page has, free or in use, gets that
 * page.
 *
 * <p>A new pool gives out neighbours. The longer requests come and go, the fewer of a request's
 * pages are neighbours. Real transfers meet this fragmentation.
 */
final class PagePool {
  /** The key of a page whose content no other request has. */
  static final long NO_KEY = -1;

  /** How often each page changes its owner until a pool counts as old. */
  private static final int AGING_ROUNDS = 8;

  /** The average pages of the requests that an old pool served at once. */
  private static final int AGING_SHARE = 32;

  /**
   * Of this many steps of aging one ends a request; each other one lengthens a request by a page.
   */
  private static final int AGING_END_IN = 16;

  private final int pages;
  private final int[] previous;
  private final int[] next;
  private final int[] uses;
  private final long[] keys;
  private final Map<Long, Integer> cached = new HashMap<>();
  private int freeCount;
  private long hits;

  /** All pages are free, in order. */
  PagePool(int pages) {
    if (pages < 1) {
      throw new IllegalArgumentException(pages + " pages");
    }
    this.pages = pages;
    // One more than the pages: the ends of the queue meet there.
    previous = new int[pages + 1];
    next = new int[pages + 1];
    uses = new int[pages];
    keys = new long[pages];
    Arrays.fill(keys, NO_KEY);
    previous[pages] = pages;
    next[pages] = pages;
    for (int page = 0; page < pages; page++) {
      append(page);
    }
  }

  /** {@return a pool whose pages are all free, after long use} */
  static PagePool aged(int pages, long seed) {
    PagePool pool = new PagePool(pages);
    SplittableRandom random = new SplittableRandom(seed);
    int living = Math.max(2, pages / AGING_SHARE);
    List<List<int[]>> requests = new ArrayList<>();
    for (int i = 0; i < living; i++) {
      requests.add(new ArrayList<>());
    }
    for (long step = 0; step < (long) AGING_ROUNDS * pages; step++) {
      List<int[]> request = requests.get(random.nextInt(living));
      Optional<int[]> page =
          random.nextInt(AGING_END_IN) == 0 ? Optional.empty() : pool.acquire(new long[] {NO_KEY});
      page.ifPresentOrElse(
          request::add,
          () -> {
            request.forEach(pool::release);
            request.clear();
          });
    }
    requests.forEach(request -> request.forEach(pool::release));
    return pool;
  }

  int pages() {
    return pages;
  }

  int free() {
    return freeCount;
  }

  /** {@return how many pages already had the content when they were given out} */
  long hits() {
    return hits;
  }

  /** {@return whether some page has this content} */
  boolean has(long key) {
    return cached.containsKey(key);
  }

  /**
   * {@return a page for each key, in order; if there are not enough, empty, and nothing is taken}
   *
   * @param wanted keys, all different, or {@link #NO_KEY}
   */
  Optional<int[]> acquire(long[] wanted) {
    int fromQueue = 0;
    for (long key : wanted) {
      Integer page = cached.get(key);
      fromQueue += page == null || uses[page] == 0 ? 1 : 0;
    }
    if (fromQueue > freeCount) {
      return Optional.empty();
    }
    int[] taken = new int[wanted.length];
    // First the pages that have the content: the head of the queue may be one of them.
    for (int i = 0; i < wanted.length; i++) {
      Integer page = cached.get(wanted[i]);
      taken[i] = page == null ? -1 : page;
      if (page != null) {
        use(page);
        hits++;
      }
    }
    for (int i = 0; i < wanted.length; i++) {
      if (taken[i] < 0) {
        taken[i] = fresh(wanted[i]);
      }
    }
    return Optional.of(taken);
  }

  private int fresh(long key) {
    int page = next[pages];
    if (keys[page] != NO_KEY) {
      cached.remove(keys[page]);
    }
    keys[page] = key;
    if (key != NO_KEY) {
      cached.put(key, page);
    }
    use(page);
    return page;
  }

  private void use(int page) {
    if (uses[page]++ == 0) {
      next[previous[page]] = next[page];
      previous[next[page]] = previous[page];
      freeCount--;
    }
  }

  /** Gives pages back, the last one first: the end of a prefix is less useful than its start. */
  void release(int[] taken) {
    for (int i = taken.length - 1; i >= 0; i--) {
      int page = taken[i];
      if (uses[page] == 0) {
        throw new IllegalStateException("Page " + page + " is already free");
      }
      if (--uses[page] == 0) {
        append(page);
      }
    }
  }

  private void append(int page) {
    int last = previous[pages];
    next[last] = page;
    previous[page] = last;
    next[page] = pages;
    previous[pages] = page;
    freeCount++;
  }
}
