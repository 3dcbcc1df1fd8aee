// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.events.EngineListener;
import io.transferengine.events.TransferReport;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.recording.EventQueue;
import io.transferengine.metrics.recording.FlightRecorder;
import io.transferengine.metrics.recording.TransferTally;
import io.transferengine.net.WaitingThreads;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells listeners, the log and the flight recorder of ends of transfers. Where none of them wants
 * to know, nothing is made. Listeners are told of other events, too. Thread-safe.
 */
public final class TransferEvents {
  private static final Logger log = LoggerFactory.getLogger(TransferEvents.class);

  private final List<EngineListener> listeners = new CopyOnWriteArrayList<>();

  /** Replaced as a whole. No list: to go through one takes memory. */
  private volatile TransferTally[] tallies = {};

  private final EventQueue others;
  private final long slowNanos;
  private final WarnLimiter slow = new WarnLimiter(log);
  private final WarnLimiter broken = new WarnLimiter(log);
  private final Executor threads;
  private final AtomicBoolean isCatchingUp = new AtomicBoolean();

  /** Made once: it is needed when there may be no memory for it. */
  private final Runnable catchUpOnce = this::catchUpOnce;

  /**
   * Without listeners.
   *
   * @param others tells of all other events
   * @param slowMillis transfers that took so long are logged; 0 for none
   */
  TransferEvents(EventQueue others, int slowMillis) {
    this(others, slowMillis, WaitingThreads.pool("te-meters-"));
  }

  TransferEvents(EventQueue others, int slowMillis, Executor threads) {
    this.threads = threads;
    this.others = others;
    this.slowNanos = slowMillis == 0 ? Long.MAX_VALUE : TimeUnit.MILLISECONDS.toNanos(slowMillis);
  }

  /** Tells it from now on. */
  public void add(EngineListener listener) {
    if (listener instanceof TransferTally tally) {
      add(tally);
    } else {
      listeners.add(listener);
    }
    others.add(listener);
  }

  /** Tells it no more, once if it was added more than once. A tally counts what it kept back. */
  public void remove(EngineListener listener) {
    others.remove(listener);
    if (listener instanceof TransferTally tally) {
      remove(tally);
      tally.catchUp();
    } else {
      var _ = listeners.remove(listener);
    }
  }

  /** {@return what a recording gets of a transfer that begins now; null if there is none} */
  @Nullable TransferRecord begin() {
    return FlightRecorder.IS_THERE ? TransferRecord.begun() : null;
  }

  /**
   * A transfer has ended.
   *
   * @param nanos since its submission
   * @param bytes those that have reached their destination
   */
  void ended(TransferHandle handle, TransferState state, long nanos, long bytes) {
    for (TransferTally each : tallies) {
      tell(each, handle, state, nanos, bytes);
    }
    TransferRecord recorded = handle.recorded();
    boolean isRecorded = recorded != null && recorded.isWanted();
    boolean isSlow = nanos >= slowNanos;
    if (listeners.isEmpty() && !isSlow && !isRecorded) {
      return;
    }
    TransferReport report = handle.report();
    for (EngineListener each : listeners) {
      tell(each, report);
    }
    try {
      if (recorded != null && isRecorded) {
        recorded.commitWith(report);
      }
      if (isSlow) {
        slow.warn("A slow transfer: " + handle.explain(), TransferWords.keys(report));
      }
    } catch (Throwable t) {
      broken.fault("%s", "Recording the end of a transfer failed", t);
    }
  }

  private void tell(
      TransferTally tally, TransferHandle handle, TransferState state, long nanos, long bytes) {
    TransferRequest request = handle.request();
    try {
      if (tally.ended(
          request.operation(),
          handle.lastTransport(),
          state,
          Math.max(0, nanos),
          bytes,
          request.blocks().count(),
          request.traceParent())) {
        catchUpSoon();
      }
    } catch (Throwable t) {
      broken.fault("The listener %s failed", tally, t);
    }
  }

  private void tell(EngineListener listener, TransferReport report) {
    try {
      listener.transferEnded(report);
    } catch (Throwable t) {
      broken.fault("The listener %s failed", listener, t);
    }
  }

  // ---- tallies, which keep some back

  private synchronized void add(TransferTally tally) {
    TransferTally[] more = Arrays.copyOf(tallies, tallies.length + 1);
    more[tallies.length] = tally;
    tallies = more;
  }

  private synchronized void remove(TransferTally tally) {
    List<TransferTally> left = new ArrayList<>(Arrays.asList(tallies));
    var _ = left.remove(tally);
    tallies = left.toArray(new TransferTally[0]);
  }

  /** Called ten times a second: none stays behind for longer. */
  void look() {
    boolean isBehind = false;
    for (TransferTally each : tallies) {
      isBehind |= each.look();
    }
    if (isBehind) {
      catchUpSoon();
    }
  }

  /** On a thread of its own, one at a time: a registry may hold it up. */
  private void catchUpSoon() {
    if (isCatchingUp.get() || !isCatchingUp.compareAndSet(false, true)) {
      return;
    }
    boolean begun = false;
    try {
      threads.execute(catchUpOnce);
      begun = true;
    } finally {
      if (!begun) {
        // The next look tries it again.
        isCatchingUp.set(false);
      }
    }
  }

  private void catchUpOnce() {
    try {
      catchUp();
    } finally {
      isCatchingUp.set(false);
    }
  }

  /** Has tallies count what they kept back. */
  void catchUp() {
    for (TransferTally each : tallies) {
      each.catchUp();
    }
  }
}
