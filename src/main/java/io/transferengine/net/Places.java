// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.net.InetAddress;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The places for connections at a port: a limit for all of them, and a limit for each address. When
 * no place is free for a newcomer, the connection that has been idle for longest loses its own:
 * otherwise silent connections would keep everybody out for ever. A connection with a request under
 * way keeps its place. Thread-safe.
 */
public final class Places {
  /**
   * A newcomer keeps its place for this long, since its first request comes within a round trip. It
   * is short, because nobody else gets in while all connections are this new.
   */
  static final long SILENCE_MIN_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  /**
   * A connection that was just served keeps its place for this long. It will most likely send
   * another request, which may be on its way already.
   */
  public static final long REST_MIN_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final int limit;
  private final int limitPerAddress;
  private final long silenceMinNanos;
  private final long restMinNanos;
  private final Map<InetAddress, Set<Place>> taken;
  private int count;

  /**
   * Places that are all free.
   *
   * @param limit the number of places, positive
   * @param limitPerAddress the number of places for one address; 0 for half of {@code limit},
   *     rounded up
   * @param restMinNanos how long a connection that was served keeps its place: {@link
   *     #REST_MIN_NANOS}, or 0 where a connection carries one request only
   */
  public Places(int limit, int limitPerAddress, long restMinNanos) {
    this(limit, limitPerAddress, SILENCE_MIN_NANOS, restMinNanos);
  }

  Places(int limit, int limitPerAddress, long silenceMinNanos, long restMinNanos) {
    this(limit, limitPerAddress, silenceMinNanos, restMinNanos, new HashMap<>());
  }

  Places(
      int limit,
      int limitPerAddress,
      long silenceMinNanos,
      long restMinNanos,
      Map<InetAddress, Set<Place>> taken) {
    this.taken = taken;
    this.limit = limit;
    this.limitPerAddress = Math.min(limit, limitPerAddress > 0 ? limitPerAddress : half(limit));
    this.silenceMinNanos = silenceMinNanos;
    this.restMinNanos = restMinNanos;
  }

  private static int half(int limit) {
    return limit - limit / 2;
  }

  /**
   * The outcome for a newcomer.
   *
   * @param admitted whether it has a place
   * @param evicted the place that was taken from another connection for it, which was told
   * @param full how many connections were open, and whose, if no place was free; else empty
   */
  public record Entry(boolean admitted, Optional<Place> evicted, String full) {}

  /**
   * Finds a place for a newcomer, and has who loses its own for it end. {@link #leave} gives it
   * back. If this throws, the newcomer has none.
   */
  public Entry enter(Place newcomer) {
    Entry entry = find(newcomer);
    try {
      entry.evicted().ifPresent(Place::evict);
    } catch (Throwable t) {
      leave(newcomer);
      throw t;
    }
    return entry;
  }

  private synchronized Entry find(Place newcomer) {
    while (true) {
      Set<Place> own = taken.get(newcomer.address());
      boolean ofAddress = own != null && own.size() >= limitPerAddress;
      if (!ofAddress && count < limit) {
        Entry entry = new Entry(true, Optional.empty(), "");
        join(newcomer);
        return entry;
      }
      String full =
          ofAddress && own != null
              ? own.size() + " connections of its address are open"
              : count + " connections are open";
      Place longest = longestIdle(ofAddress ? own : null);
      if (longest == null) {
        return new Entry(false, Optional.empty(), full + ", none of them idle");
      }
      // All that needs memory is before the place changes hands: who loses it must be told.
      Entry entry = new Entry(true, Optional.of(longest), full);
      join(newcomer);
      if (longest.giveAway()) {
        leave(longest);
        return entry;
      }
      // It has just become busy, and keeps its place. The next one is tried.
      leave(newcomer);
    }
  }

  private void join(Place newcomer) {
    boolean joined = false;
    try {
      taken.computeIfAbsent(newcomer.address(), _ -> new LinkedHashSet<>()).add(newcomer);
      joined = true;
    } finally {
      if (joined) {
        count++;
      } else {
        // What throws may have put it in.
        boolean _ = forget(newcomer);
      }
    }
  }

  /** Gives a place back: its connection has ended, or never began. May be called more than once. */
  public synchronized void leave(Place place) {
    if (forget(place)) {
      count--;
    }
  }

  private boolean forget(Place place) {
    Set<Place> own = taken.get(place.address());
    boolean removed = own != null && own.remove(place);
    if (own != null && own.isEmpty()) {
      taken.remove(place.address());
    }
    return removed;
  }

  /** {@return the number of places} */
  public int limit() {
    return limit;
  }

  /** {@return the number of places that one address may have} */
  public int limitPerAddress() {
    return limitPerAddress;
  }

  private @Nullable Place longestIdle(@Nullable Set<Place> own) {
    long now = System.nanoTime();
    Place longest = null;
    if (own != null) {
      return longer(longest, own, now);
    }
    for (Set<Place> each : taken.values()) {
      longest = longer(longest, each, now);
    }
    return longest;
  }

  /**
   * Looks at some in the order in which they came, and at none that is too young to matter: in a
   * crowd of newcomers, at one or two for each.
   */
  private @Nullable Place longer(@Nullable Place found, Collection<Place> among, long nowNanos) {
    Place longest = found;
    long enoughNanos = Math.min(silenceMinNanos, restMinNanos);
    for (Place place : among) {
      long ageNanos = place.ageNanos(nowNanos);
      if (ageNanos < (longest == null ? enoughNanos : longest.idleNanos(nowNanos))) {
        return longest;
      }
      if (place.isIdle(nowNanos, silenceMinNanos, restMinNanos)
          && (longest == null || place.idleNanos(nowNanos) > longest.idleNanos(nowNanos))) {
        longest = place;
      }
    }
    return longest;
  }
}
