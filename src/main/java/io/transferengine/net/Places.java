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
  private final Map<InetAddress, Set<Place>> taken = new HashMap<>();
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
   * @param evicted the place that was taken from another connection for it; the caller ends that
   *     connection with {@link Place#evict()}
   * @param full how many connections were open, and whose, if no place was free; else empty
   */
  public record Entry(boolean admitted, Optional<Place> evicted, String full) {}

  /** Finds a place for a newcomer. {@link #leave} gives it back. */
  public synchronized Entry enter(Place newcomer) {
    Set<Place> own = taken.get(newcomer.address());
    @Nullable Place evicted = null;
    String full = "";
    if (own != null && own.size() >= limitPerAddress) {
      full = own.size() + " connections of its address are open";
      evicted = giveAwayOneOf(own);
    } else if (count >= limit) {
      full = count + " connections are open";
      evicted = giveAwayOneOf(null);
    }
    if (!full.isEmpty() && evicted == null) {
      return new Entry(false, Optional.empty(), full + ", none of them idle");
    }
    if (evicted != null) {
      leave(evicted);
    }
    taken.computeIfAbsent(newcomer.address(), _ -> new LinkedHashSet<>()).add(newcomer);
    count++;
    return new Entry(true, Optional.ofNullable(evicted), full);
  }

  /** Gives a place back: its connection has ended, or never began. May be called more than once. */
  public synchronized void leave(Place place) {
    Set<Place> own = taken.get(place.address());
    if (own != null && own.remove(place)) {
      count--;
      if (own.isEmpty()) {
        taken.remove(place.address());
      }
    }
  }

  /** {@return the number of places} */
  public int limit() {
    return limit;
  }

  /** {@return the number of places that one address may have} */
  public int limitPerAddress() {
    return limitPerAddress;
  }

  /** A connection that has just become busy keeps its place. The next one is tried then. */
  private @Nullable Place giveAwayOneOf(@Nullable Set<Place> own) {
    while (true) {
      Place longest = longestIdle(own);
      if (longest == null || longest.giveAway()) {
        return longest;
      }
    }
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

  private @Nullable Place longer(@Nullable Place found, Collection<Place> among, long nowNanos) {
    Place longest = found;
    for (Place place : among) {
      if (place.isIdle(nowNanos, silenceMinNanos, restMinNanos)
          && (longest == null || place.idleNanos(nowNanos) > longest.idleNanos(nowNanos))) {
        longest = place;
      }
    }
    return longest;
  }
}
