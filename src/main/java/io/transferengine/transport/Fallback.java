// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.config.TransportPolicy;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.LogKeys;
import io.transferengine.metrics.FailureCause;
import io.transferengine.net.WaitingThreads;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives a peer's transfers to other transports when there has been no way to it over this one for
 * as long as the policy says. A transport whose ways come and go has one for each peer, and tells
 * it of them. Watches, on a thread of its own, only while transfers wait without a way.
 * Thread-safe.
 */
public final class Fallback {
  private static final Logger log = LoggerFactory.getLogger(Fallback.class);

  /** How exactly the time is kept. */
  private static final Duration LOOK = Duration.ofMillis(50);

  /** A peer, as the transport knows it. Its methods must not block. */
  public interface Peer {
    /** {@return whether there is a way to it} */
    boolean hasWay();

    /** {@return whether any of its transfers has requests to hand out, and may still do so} */
    boolean isWaiting();

    /** Takes out the transfers that wait and have no request out. */
    List<TransferTask> takeIdle();

    /** Gives one that was taken out to another transport; {@return its name, if one takes it} */
    Optional<String> handOver(TransferTask task);

    /** Puts one back that stays. */
    void requeue(TransferTask task);
  }

  private final Peer peer;
  private final String peerName;
  private final String transport;
  private final Duration after;

  /** Made beforehand: there may be no memory for it when it is needed. */
  private final TransferException mistake;

  // Guarded by this.
  private boolean watching;
  private boolean warned;
  private boolean impossible;
  private long sinceNanos;
  private boolean without;
  private @Nullable TransferException last;

  /**
   * One that watches nothing yet.
   *
   * @param peerName for texts
   * @param transport the name of this transport
   * @param after how long the peer's transfers may be without a way; zero for ever
   */
  public Fallback(Peer peer, String peerName, String transport, Duration after) {
    this.peer = peer;
    this.peerName = peerName;
    this.transport = transport;
    this.after = after;
    this.mistake =
        new TransferException(
            ErrorCode.MEMORY,
            "Giving the transfer to another transport failed, perhaps for want of memory",
            "The log of this process has the cause; give it more heap, or report it");
  }

  /** A way is open. */
  public synchronized void wayIsOpen() {
    without = false;
    warned = false;
    impossible = false;
  }

  /** What made a way fail, for the warning. */
  public synchronized void note(TransferException failure) {
    last = failure;
  }

  /** Transfers wait without a way. */
  public void watch() {
    synchronized (this) {
      if (!without) {
        without = true;
        sinceNanos = System.nanoTime();
      }
      if (watching || impossible || after.isZero()) {
        return;
      }
      watching = true;
    }
    try {
      var _ = WaitingThreads.start("te-" + transport + "-fallback", this::run);
    } catch (Throwable noThread) {
      stopWatching();
      throw noThread;
    }
  }

  private synchronized void stopWatching() {
    watching = false;
  }

  private void run() {
    try {
      while (true) {
        Thread.sleep(LOOK);
        if (peer.hasWay()) {
          // Opened between the check and the watch, by whoever did not know of it.
          wayIsOpen();
        }
        synchronized (this) {
          if (!without || !peer.isWaiting()) {
            watching = false;
            return;
          }
          if (System.nanoTime() - sinceNanos < after.toNanos()) {
            continue;
          }
        }
        if (!handOver()) {
          return;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Throwable t) {
      // The next transfer without a way starts the watch again.
      stopWatching();
      log.error("Giving transfers to {} to another transport failed", peerName, t);
    }
  }

  /** Nobody keeps ways to the peer open any more: the next transfer gets the whole time again. */
  public synchronized void forget() {
    if (!watching) {
      without = false;
      impossible = false;
    }
  }

  /** False when no other transport may have them: transfers wait for a way until they end. */
  private boolean handOver() {
    int moved = 0;
    Set<String> takers = new LinkedHashSet<>();
    List<TransferTask> kept = new ArrayList<>();
    for (TransferTask task : peer.takeIdle()) {
      try {
        Optional<String> taker = peer.handOver(task);
        if (taker.isPresent()) {
          takers.add(TransportPolicy.shown(taker.get()));
          moved++;
        } else {
          kept.add(task);
        }
      } catch (Throwable t) {
        task.end(TransferState.FAILED, mistake, FailureCause.LOCAL);
        Anyway.error(log, "Giving a transfer to {} to another transport failed", peerName, t);
      }
    }
    if (moved > 0) {
      warn(moved + " transfers go over " + String.join(" and ", takers));
    } else if (!kept.isEmpty()) {
      synchronized (this) {
        impossible = true;
        watching = false;
      }
      warn(
          kept.size()
              + " transfers wait until their deadline, since no other transport is a way to it, or"
              + " they are ruled out");
    }
    kept.forEach(peer::requeue);
    return moved > 0 || kept.isEmpty();
  }

  private void warn(String what) {
    TransferException why;
    synchronized (this) {
      if (warned) {
        return;
      }
      warned = true;
      why = last;
    }
    String cause = why == null ? "none was found yet" : String.valueOf(why.getMessage());
    LogKeys.peer(peerName)
        .cause(cause)
        .with("transport", transport)
        .on(log.atWarn())
        .log(
            "{}: {}: no {} path has been open for {} s. The last reason: {}",
            peerName,
            what,
            TransportPolicy.shown(transport),
            after.toSeconds(),
            cause);
  }
}
