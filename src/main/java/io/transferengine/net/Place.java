// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.net.InetAddress;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A connection's place among those of its port. It says when it has something under way; while it
 * has not, the place may be given to another. {@link #begin()} and {@link #rest()} are for one
 * thread at a time.
 */
public final class Place {
  private enum State {
    /** Nothing was ever under way. */
    SILENT,
    RESTING,
    BUSY,
    GIVEN_AWAY
  }

  private final InetAddress address;
  private final Runnable evict;
  private final AtomicReference<State> state = new AtomicReference<>(State.SILENT);
  private volatile long sinceNanos = System.nanoTime();

  /**
   * A place that is not entered yet.
   *
   * @param address where the connection comes from
   * @param evict has the connection end: its place is another's. Run on the newcomer's thread; must
   *     not wait
   */
  public Place(InetAddress address, Runnable evict) {
    this.address = address;
    this.evict = evict;
  }

  InetAddress address() {
    return address;
  }

  /**
   * Something is under way from now on.
   *
   * @return false when the place was given away before: the connection is to end
   */
  public boolean begin() {
    State now = state.get();
    if (now == State.BUSY) {
      return true;
    }
    return now != State.GIVEN_AWAY && state.compareAndSet(now, State.BUSY);
  }

  /** Nothing is under way any more. */
  public void rest() {
    sinceNanos = System.nanoTime();
    var _ = state.compareAndSet(State.BUSY, State.RESTING);
  }

  /** {@return whether the connection was evicted} */
  public boolean isGivenAway() {
    return state.get() == State.GIVEN_AWAY;
  }

  /** {@return whether nothing was ever under way, for so long} */
  public boolean isSilentFor(long nowNanos, long limitNanos) {
    return state.get() == State.SILENT && nowNanos - sinceNanos > limitNanos;
  }

  long idleNanos(long nowNanos) {
    return nowNanos - sinceNanos;
  }

  /** {@return whether it may be given away: it has been silent, or at rest, for a while} */
  boolean isIdle(long nowNanos, long silenceNanos, long restNanos) {
    State now = state.get();
    if (now == State.SILENT) {
      return idleNanos(nowNanos) >= silenceNanos;
    }
    return now == State.RESTING && idleNanos(nowNanos) >= restNanos;
  }

  /** Takes it from a connection that is idle. */
  boolean giveAway() {
    return state.compareAndSet(State.SILENT, State.GIVEN_AWAY)
        || state.compareAndSet(State.RESTING, State.GIVEN_AWAY);
  }

  /** Tells the connection that its place was given away. */
  public void evict() {
    evict.run();
  }
}
