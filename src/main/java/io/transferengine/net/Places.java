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
 * The places for connections at a port: so many at once, and so many of one address. When there is
 * none for a newcomer, the connection that has been idle for longest makes room; one that has
 * something under way never does. Else silent connections would keep everybody out for ever.
 * Thread-safe.
 */
public final class Places {
  /**
   * A first request comes within a round trip: until then a newcomer keeps its place. Short, for
   * while all are this new, nobody else gets in.
   */
  static final long SILENCE_MIN_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  /**
   * Who has just been served most likely asks again, and a request on its way would be cut off: it
   * keeps its place for so long.
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
   * @param limit how many, positive
   * @param limitPerAddress of them for one address; 0 for half of them, at least one
   * @param restMinNanos for so long a connection that was served keeps its place; {@link
   *     #REST_MIN_NANOS}, or 0 where nobody asks twice
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
   * What came of a newcomer.
   *
   * @param admitted whether it has a place
   * @param evicted who gave up its own for it; to be told with {@link Place#evict()}
   * @param full the number of connections there were, and whose, if there was no place left
   */
  public record Entry(boolean admitted, Optional<Place> evicted, String full) {}

  /** Finds a place for a newcomer; {@link #leave} gives it back. */
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

  /** The connection has ended, or never began. May be called more than once. */
  public synchronized void leave(Place place) {
    Set<Place> own = taken.get(place.address());
    if (own != null && own.remove(place)) {
      count--;
      if (own.isEmpty()) {
        taken.remove(place.address());
      }
    }
  }

  /** {@return how many there are} */
  public int limit() {
    return limit;
  }

  /** {@return how many of them one address may have} */
  public int limitPerAddress() {
    return limitPerAddress;
  }

  /** One that has just become busy keeps its place: then the next one is looked for. */
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
