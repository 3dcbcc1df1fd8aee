// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.net.InetAddress;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A connection's place among those of its port. The connection says when it has a request under
 * way. While it has none, the place may be given to another connection. Only one thread at a time
 * may call {@link #begin()} and {@link #rest()}.
 */
public final class Place {
  private enum State {
    /** No request was ever under way. */
    SILENT,
    RESTING,
    BUSY,
    GIVEN_AWAY
  }

  private final InetAddress address;
  private final Runnable evict;
  private final AtomicReference<State> state = new AtomicReference<>(State.SILENT);
  private final long madeNanos = System.nanoTime();
  private volatile long sinceNanos = madeNanos;

  /**
   * A place for a connection that is not admitted yet.
   *
   * @param address where the connection comes from
   * @param evict ends the connection, because another has its place. It runs on the newcomer's
   *     thread and must not wait
   */
  public Place(InetAddress address, Runnable evict) {
    this.address = address;
    this.evict = evict;
  }

  /** {@return where the connection comes from} */
  public InetAddress address() {
    return address;
  }

  /**
   * A request is under way from now on.
   *
   * @return false if the place was given away before: the connection must end
   */
  public boolean begin() {
    State now = state.get();
    if (now == State.BUSY) {
      return true;
    }
    return now != State.GIVEN_AWAY && state.compareAndSet(now, State.BUSY);
  }

  /** No request is under way any more. */
  public void rest() {
    sinceNanos = System.nanoTime();
    var _ = state.compareAndSet(State.BUSY, State.RESTING);
  }

  /** {@return whether the connection was evicted} */
  public boolean isGivenAway() {
    return state.get() == State.GIVEN_AWAY;
  }

  /** {@return whether no request was ever under way, for longer than {@code limitNanos}} */
  public boolean isSilentFor(long nowNanos, long limitNanos) {
    return state.get() == State.SILENT && nowNanos - sinceNanos > limitNanos;
  }

  /** {@return for how long it is there: it cannot be idle for longer} */
  long ageNanos(long nowNanos) {
    return nowNanos - madeNanos;
  }

  long idleNanos(long nowNanos) {
    return nowNanos - sinceNanos;
  }

  /** {@return whether it may be given away: it has been silent or at rest for long enough} */
  boolean isIdle(long nowNanos, long silenceNanos, long restNanos) {
    State now = state.get();
    if (now == State.SILENT) {
      return idleNanos(nowNanos) >= silenceNanos;
    }
    return now == State.RESTING && idleNanos(nowNanos) >= restNanos;
  }

  /** Takes the place from its connection, unless that has become busy; returns whether it did. */
  boolean giveAway() {
    return state.compareAndSet(State.SILENT, State.GIVEN_AWAY)
        || state.compareAndSet(State.RESTING, State.GIVEN_AWAY);
  }

  /** Tells the connection that its place was given away. */
  void evict() {
    evict.run();
  }
}
