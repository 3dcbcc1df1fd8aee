// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The way from one of our devices to a peer: which of the peer's devices it leads to, whether it is
 * open, and when it is tried again. It leads to one device at a time; when that one cannot be
 * reached it turns to the next. All state is guarded by this.
 */
final class RdmaPath {
  /** Between two attempts at least so long... */
  private static final long BACK_OFF_MIN_MILLIS = 50;

  /** ...and at most: what came back is used within a second. */
  private static final long BACK_OFF_MAX_MILLIS = 1_000;

  private final String peer;
  private final RdmaNic nic;
  private @Nullable RdmaEndpoint endpoint;
  private String partner = "";
  private boolean connecting;
  private int failures;
  private boolean suspect;
  private boolean hurried;

  /** Devices of the peer that there is no route to from ours: until when they are left alone. */
  private final Map<String, Long> avoidedUntilNanos = new HashMap<>();

  /**
   * A path that is not open.
   *
   * @param peer its name, for texts
   */
  RdmaPath(String peer, RdmaNic nic) {
    this.peer = peer;
    this.nic = nic;
  }

  RdmaNic nic() {
    return nic;
  }

  /** {@return the peer's device that it leads to, or led to last; empty at first} */
  synchronized String partner() {
    return partner;
  }

  synchronized Optional<RdmaEndpoint> endpoint() {
    return Optional.ofNullable(endpoint);
  }

  /** {@return whether requests may be posted} */
  synchronized boolean isOpen() {
    return endpoint != null && nic.isUsable();
  }

  /** {@return whether the last thing known of it is that it failed} */
  synchronized boolean isSuspect() {
    return suspect;
  }

  /**
   * {@return whether the caller is to connect it: it is not open, and nobody else is at it} The
   * caller calls {@link #endConnecting} afterwards.
   */
  synchronized boolean beginConnecting() {
    if (endpoint != null || connecting || nic.isFailed()) {
      return false;
    }
    connecting = true;
    return true;
  }

  synchronized void endConnecting() {
    connecting = false;
  }

  /**
   * Chooses the peer's device for the next attempt: the best that is not avoided; when all are, the
   * one whose time is over first, since the only way is never given up.
   */
  synchronized String nextPartner(List<String> ranked) {
    long now = System.nanoTime();
    boolean _ = avoidedUntilNanos.keySet().retainAll(ranked);
    List<String> fit = new ArrayList<>();
    for (String device : ranked) {
      Long until = avoidedUntilNanos.get(device);
      if (until == null || until - now <= 0) {
        fit.add(device);
      }
    }
    if (fit.isEmpty()) {
      String soonest = ranked.getFirst();
      for (String device : ranked) {
        if (avoidedUntil(device) - avoidedUntil(soonest) < 0) {
          soonest = device;
        }
      }
      partner = soonest;
    } else {
      // After a failure the next one in turn, so that one dead device does not hide a living one.
      partner = fit.get(failures % fit.size());
    }
    return partner;
  }

  private long avoidedUntil(String device) {
    return avoidedUntilNanos.getOrDefault(device, 0L);
  }

  /** There is no route from our device to that one of the peer. */
  synchronized void avoid(String device, long nanos) {
    avoidedUntilNanos.put(device, System.nanoTime() + nanos);
  }

  /** {@return whether a device of the peer is known to be out of reach for now} */
  synchronized boolean avoids(String device) {
    Long until = avoidedUntilNanos.get(device);
    return until != null && until - System.nanoTime() > 0;
  }

  /**
   * It is open.
   *
   * @param sender what the endpoint turns to from now on
   */
  synchronized void opened(RdmaEndpoint made, RdmaEndpoint.Sender sender) {
    endpoint = made;
    failures = 0;
    suspect = false;
    avoidedUntilNanos.remove(partner);
    made.usedBy(sender);
  }

  /** An attempt failed. */
  synchronized void attemptFailed() {
    failures++;
    suspect = true;
  }

  /**
   * An endpoint has ended.
   *
   * @param atFault whether the way is, rather than a request or a decision of ours
   * @return whether the path is closed now, since that endpoint was its own
   */
  synchronized boolean ended(RdmaEndpoint which, boolean atFault) {
    if (endpoint != which) {
      return false;
    }
    endpoint = null;
    suspect |= atFault;
    return true;
  }

  /** Waits for the next attempt's time, or until somebody knows better. */
  void backOff() throws InterruptedException {
    synchronized (this) {
      long millis =
          Math.min(BACK_OFF_MAX_MILLIS, BACK_OFF_MIN_MILLIS << Math.min(failures, 5) >> 1);
      long endNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
      while (!hurried) {
        long leftNanos = endNanos - System.nanoTime();
        if (leftNanos <= 0) {
          break;
        }
        TimeUnit.NANOSECONDS.timedWait(this, leftNanos);
      }
      hurried = false;
    }
  }

  /** Something has changed for the better: the next attempt is now. */
  synchronized void hurry() {
    hurried = connecting;
    avoidedUntilNanos.clear();
    notifyAll();
  }

  @Override
  public synchronized String toString() {
    return nic.name() + " to " + peer + "@" + partner;
  }
}
