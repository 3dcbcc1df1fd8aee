// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.events.EngineListener;
import io.transferengine.events.TransferReport;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.recording.EventQueue;
import io.transferengine.metrics.recording.FlightRecorder;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
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
  private final EventQueue others;
  private final long slowNanos;
  private final WarnLimiter slow = new WarnLimiter(log);
  private final WarnLimiter broken = new WarnLimiter(log);

  /**
   * Without listeners.
   *
   * @param others tells of all other events
   * @param slowMillis transfers that took so long are logged; 0 for none
   */
  TransferEvents(EventQueue others, int slowMillis) {
    this.others = others;
    this.slowNanos = slowMillis == 0 ? Long.MAX_VALUE : TimeUnit.MILLISECONDS.toNanos(slowMillis);
  }

  /** Tells it from now on. */
  public void add(EngineListener listener) {
    listeners.add(listener);
    others.add(listener);
  }

  /** Tells it no more, once if it was added more than once. */
  public void remove(EngineListener listener) {
    var _ = listeners.remove(listener);
    others.remove(listener);
  }

  /** {@return what a recording gets of a transfer that begins now; null if there is none} */
  @Nullable TransferRecord begin() {
    return FlightRecorder.IS_THERE ? TransferRecord.begun() : null;
  }

  /** A transfer has ended, so long after its submission. */
  void ended(TransferHandle handle, long nanos) {
    TransferRecord recorded = handle.recorded();
    boolean isSlow = nanos >= slowNanos;
    if (listeners.isEmpty() && !isSlow && recorded == null) {
      return;
    }
    TransferReport report = handle.report();
    for (EngineListener each : listeners) {
      tell(each, report);
    }
    try {
      if (recorded != null) {
        recorded.commitWith(report);
      }
      if (isSlow) {
        slow.warn("A slow transfer: " + handle.explain(), TransferWords.keys(report));
      }
    } catch (Throwable t) {
      broken.fault("%s", "Recording the end of a transfer failed", t);
    }
  }

  private void tell(EngineListener listener, TransferReport report) {
    try {
      listener.transferEnded(report);
    } catch (Throwable t) {
      broken.fault("The listener %s failed", listener, t);
    }
  }
}
