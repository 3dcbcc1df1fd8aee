// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransferTask;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives a peer's transfers to TCP when there has been no RDMA path for some seconds. Watches, on a
 * virtual thread, only while transfers wait without a path. Thread-safe.
 */
final class TcpFallback {
  /** The peer whose transfers wait. */
  interface Peer {
    boolean hasOpenPath();

    /** {@return whether transfers of its have requests to hand out, which it is still to see to} */
    boolean isWaiting();

    /** Takes out those that wait; each is handed over, given back, or ended. */
    List<TransferTask> takeOpen(Predicate<TransferTask> which);

    /** Gives a task that was taken out to another transport; {@return whether one takes it}. */
    boolean handOver(TransferTask task);

    /** Gives back a task that was taken out. */
    void requeue(TransferTask task);
  }

  private static final Logger log = LoggerFactory.getLogger(TcpFallback.class);

  /** How exactly the time is kept. */
  private static final Duration LOOK = Duration.ofMillis(50);

  private final Peer peer;
  private final String name;
  private final Duration after;

  // Guarded by this.
  private boolean watching;
  private boolean warned;
  private boolean impossible;
  private long sinceNanos;
  private boolean without;
  private @Nullable TransferException last;

  /**
   * For one peer.
   *
   * @param name the peer's, for texts
   * @param after how long its transfers may be without a path; zero for ever
   */
  TcpFallback(Peer peer, String name, Duration after) {
    this.peer = peer;
    this.name = name;
    this.after = after;
  }

  /** A path is open. */
  synchronized void pathIsOpen() {
    without = false;
    warned = false;
    impossible = false;
  }

  /** What made a path fail, for the warning. */
  synchronized void note(TransferException failure) {
    last = failure;
  }

  /** Transfers wait without a path. */
  void watch() {
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
      var _ = Thread.ofVirtual().name("te-rdma-fallback").start(this::run);
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
        if (peer.hasOpenPath()) {
          // Opened between the check and the watch, by whoever did not know of it.
          pathIsOpen();
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
      // The next transfer without a path starts the watch again.
      stopWatching();
      log.error("Giving transfers to {} over to TCP failed", name, t);
    }
  }

  /** Nobody keeps the peer's paths open any more: the next transfer gets the whole time again. */
  synchronized void forget() {
    if (!watching) {
      without = false;
      impossible = false;
    }
  }

  /** False when the peer cannot be reached over TCP: transfers wait for a path until they end. */
  private boolean handOver() {
    List<TransferTask> waiting = peer.takeOpen(TransferTask::isQuiet);
    int moved = 0;
    List<TransferTask> kept = new ArrayList<>();
    for (TransferTask task : waiting) {
      try {
        if (peer.handOver(task)) {
          moved++;
        } else {
          kept.add(task);
        }
      } catch (Throwable t) {
        log.error("Giving a transfer to {} over to TCP failed", name, t);
        task.end(TransferState.FAILED, WorkErrors.localFault(), FailureCause.LOCAL);
      }
    }
    if (moved > 0) {
      warn(moved + " transfers go over TCP");
    } else if (!kept.isEmpty()) {
      synchronized (this) {
        impossible = true;
        watching = false;
      }
      warn(
          kept.size()
              + " transfers wait until their deadline, since TCP is no way to it or ruled out");
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
    log.warn(
        "{}: {}: no RDMA path has been open for {} s. The last reason: {}",
        name,
        what,
        after.toSeconds(),
        why == null ? "none was found yet" : why.getMessage());
  }
}
