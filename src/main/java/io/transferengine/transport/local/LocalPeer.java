// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.Queues;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.HostDescriptor;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the way to one engine on this machine. At the first transfer a lease is asked
 * for; until it is there, tasks wait here. Thread-safe.
 */
final class LocalPeer {
  /** How long a peer that gave no lease is left alone. */
  static final Duration REFUSED = Duration.ofMinutes(1);

  /** A task that waits for the lease. */
  record Waiting(PeerAddress peer, TransferTask task) {}

  private enum State {
    NEW,
    ASKING,
    OPEN,
    REFUSED
  }

  private final String name;
  private final long incarnation;
  private final HostDescriptor host;

  private volatile boolean reachable;

  /** Whether anybody has looked. */
  private volatile boolean looked;

  private volatile long lookedNanos;

  // Guarded by this.
  private State state = State.NEW;

  /** Written so, and read without: each transfer asks for it. */
  private volatile @Nullable Target target;

  private long refusedNanos;
  private boolean missed;
  private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();

  /** One that was not looked at yet, nor asked. */
  LocalPeer(String name, long incarnation, HostDescriptor host) {
    this.name = name;
    this.incarnation = incarnation;
    this.host = host;
  }

  String name() {
    return name;
  }

  HostDescriptor host() {
    return host;
  }

  long incarnation() {
    return incarnation;
  }

  boolean is(long otherIncarnation, HostDescriptor otherHost) {
    return incarnation == otherIncarnation && host.equals(otherHost);
  }

  /** {@return whether its area was found to be its own, and could be read} */
  boolean isReachable() {
    return reachable;
  }

  /**
   * {@return whether to look at its area, for the first time or again} What was in the way, such as
   * a lack of descriptors, may be gone.
   *
   * @param often at each opportunity, and not only now and then
   */
  boolean mustBeLookedAt(boolean often) {
    return !reachable && (!looked || often || System.nanoTime() - lookedNanos > REFUSED.toNanos());
  }

  /** Somebody has looked, and found its area or not. */
  void looked(boolean found) {
    lookedNanos = System.nanoTime();
    reachable = found;
    looked = true;
  }

  /** {@return whether transfers may be given to it} */
  synchronized boolean isUsable() {
    if (state == State.REFUSED && System.nanoTime() - refusedNanos > REFUSED.toNanos()) {
      state = State.NEW;
    }
    Target known = target;
    return reachable && state != State.REFUSED && (known == null || !known.isLost());
  }

  /** {@return whether copies can begin at once} */
  synchronized boolean isOpen() {
    Target known = target;
    return state == State.OPEN && known != null && !known.isLost();
  }

  /** {@return where to copy to; empty if there is no lease yet} */
  Optional<Target> target() {
    return Optional.ofNullable(target);
  }

  /** {@return whether the caller is to ask for a lease} */
  synchronized boolean mustAsk() {
    if (state != State.NEW) {
      return false;
    }
    state = State.ASKING;
    return true;
  }

  /** Has a task wait for the lease; {@return false if that is decided already} */
  synchronized boolean await(Waiting task) {
    if (state != State.NEW && state != State.ASKING) {
      return false;
    }
    Queues.addLast(waiting, task);
    return true;
  }

  /** The lease is there. */
  synchronized void opened(Target made) {
    target = made;
    state = State.OPEN;
  }

  /** There is no lease for now. */
  synchronized void refused() {
    refusedNanos = System.nanoTime();
    state = State.REFUSED;
  }

  /** The next transfer asks again; {@return false if another task waits, to be taken out first} */
  synchronized boolean mayBeAskedAgain() {
    if (!waiting.isEmpty()) {
      return false;
    }
    state = State.NEW;
    return true;
  }

  /** {@return whether nobody has been told yet that it is missed} */
  synchronized boolean isNewlyMissed() {
    boolean newly = !missed;
    missed = true;
    return newly;
  }

  /** Takes out one of the tasks that wait; {@return null if none does} Takes no memory. */
  synchronized @Nullable Waiting nextWaiting() {
    return waiting.pollFirst();
  }
}
