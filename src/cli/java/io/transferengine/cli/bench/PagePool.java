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
 * Deals out the pages of a KV cache as inference servers do. Not thread-safe.
 *
 * <p>A page is in use by some requests, or free. Free pages stand in a queue: what is released goes
 * to its end, what is taken comes from its head. A page may have a <i>key</i>, which stands for its
 * content: the tokens up to its end. A free page keeps its content and its key until it is taken
 * for something else, so the queue is at once the list of free pages and a prefix cache that evicts
 * what was least recently used. A request that asks for a key that some page has, free or in use,
 * gets that page.
 *
 * <p>A new pool deals out neighbours. The longer it is in use by requests that come and go, the
 * fewer of a request's pages are neighbours: that is the fragmentation that transfers meet in life.
 */
final class PagePool {
  /** Of a page whose content nobody else will ask for. */
  static final long NO_KEY = -1;

  /** How often each page changes hands until a pool counts as old. */
  private static final int AGING_ROUNDS = 8;

  /** Pages for each of the requests that an old pool has served at once, on average. */
  private static final int AGING_SHARE = 32;

  /** One in so many steps of aging ends a request, the others lengthen one by a page. */
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
    // One more than there are pages: the ends of the queue meet there.
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

  /** {@return a pool whose pages are all free, after years of service} */
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

  /** {@return how many pages were given out that had the content already} */
  long hits() {
    return hits;
  }

  /** {@return whether some page has this content} */
  boolean has(long key) {
    return cached.containsKey(key);
  }

  /**
   * {@return a page for each key, in order; empty, and nothing is taken, when there are not enough}
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
    // First those that are there: the head of the queue may be one of them.
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

  /** Gives pages back, the last one first: the end of a prefix is of less use than its start. */
  void release(int[] taken) {
    for (int i = taken.length - 1; i >= 0; i--) {
      int page = taken[i];
      if (uses[page] == 0) {
        throw new IllegalStateException("Page " + page + " is free already");
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
