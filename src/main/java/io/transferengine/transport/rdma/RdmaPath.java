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
 * The path from one of our devices to a peer: which of the peer's devices it leads to, whether it
 * is open, and when it is tried again. It leads to one device at a time. If that device cannot be
 * reached, it leads to the next one. All state is guarded by this.
 */
final class RdmaPath {
  /** The shortest pause between two attempts. */
  private static final long BACK_OFF_MIN_MILLIS = 50;

  /** The longest pause: a device that comes back is used within a second. */
  private static final long BACK_OFF_MAX_MILLIS = 1_000;

  private final String peer;
  private final RdmaNic nic;
  private @Nullable RdmaEndpoint endpoint;
  private String partner = "";
  private boolean connecting;
  private int failures;
  private boolean suspect;
  private boolean retryNow;

  /** The peer's devices to which ours has no route, and until when they are not tried. */
  private final Map<String, Long> avoidedUntilNanos = new HashMap<>();

  /**
   * Creates a path that is not open.
   *
   * @param peer the peer's name, for texts
   */
  RdmaPath(String peer, RdmaNic nic) {
    this.peer = peer;
    this.nic = nic;
  }

  RdmaNic nic() {
    return nic;
  }

  /**
   * {@return the peer's device that it leads to, or led to last; empty before the first attempt}
   */
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

  /** {@return whether it has failed and not been opened since} */
  synchronized boolean isSuspect() {
    return suspect;
  }

  /**
   * {@return whether the caller must connect it: it is not open, and no other thread connects it}
   * The caller then calls {@link #endConnecting} afterwards.
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
   * Chooses the peer's device for the next attempt: the best one that is not avoided. If all are
   * avoided, it chooses the one whose pause ends first: the last way to a peer is always tried.
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
      // After a failure the next one in turn, so that one dead device does not hide a working one.
      partner = fit.get(failures % fit.size());
    }
    return partner;
  }

  private long avoidedUntil(String device) {
    return avoidedUntilNanos.getOrDefault(device, 0L);
  }

  /** Notes that there is no route from our device to that device of the peer. */
  synchronized void avoid(String device, long nanos) {
    avoidedUntilNanos.put(device, System.nanoTime() + nanos);
  }

  /** {@return whether a device of the peer is not tried for now} */
  synchronized boolean avoids(String device) {
    Long until = avoidedUntilNanos.get(device);
    return until != null && until - System.nanoTime() > 0;
  }

  /**
   * The path is open now.
   *
   * @param sender the endpoint's sender from now on
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
   * @param atFault whether the path is at fault, not a request or a decision of ours
   * @return whether the endpoint belonged to the path, which is closed now
   */
  synchronized boolean ended(RdmaEndpoint which, boolean atFault) {
    if (endpoint != which) {
      return false;
    }
    endpoint = null;
    suspect |= atFault;
    return true;
  }

  /** Waits until the next attempt is due, or {@link #retryNow} is called. */
  void backOff() throws InterruptedException {
    synchronized (this) {
      long millis =
          Math.min(BACK_OFF_MAX_MILLIS, BACK_OFF_MIN_MILLIS << Math.min(failures, 5) >> 1);
      long endNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
      while (!retryNow) {
        long leftNanos = endNanos - System.nanoTime();
        if (leftNanos <= 0) {
          break;
        }
        TimeUnit.NANOSECONDS.timedWait(this, leftNanos);
      }
      retryNow = false;
    }
  }

  /** Makes the next attempt begin at once, because an attempt may succeed now. */
  synchronized void retryNow() {
    retryNow = connecting;
    avoidedUntilNanos.clear();
    notifyAll();
  }

  @Override
  public synchronized String toString() {
    return nic.name() + " to " + peer + "@" + partner;
  }
}
