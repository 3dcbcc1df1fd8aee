// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends transfers that ought to have ended: whatever mistake there still may be, nobody waits for
 * ever.
 *
 * <p>A transfer whose outcome is set (deadline, cancel, failure) has its requests settled within
 * moments. When one is left after {@link #LIMIT_NANOS}, there is a mistake in the engine. Two steps
 * follow. The connections or queue pairs that carry it are closed, whatever else is on them, which
 * settles what they know of. If it has not ended after the same time again, a request was forgotten
 * or a thread of ours stands still: the transfer ends as failed, and since nobody knows whether its
 * local memory is still written to, the uses of that memory are kept: it cannot be unregistered,
 * freed or handed out again. Each step is an ERROR in the log.
 *
 * <p>The steps are confined to the thread that looks at deadlines, and at the engine's close to the
 * thread that closes it; the rest is thread-safe.
 */
public final class LastResort {
  /** Several times what cutting a connection and draining a queue pair take. */
  static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(5);

  private static final Logger log = LoggerFactory.getLogger(LastResort.class);

  /** Of all engines of this process. */
  private static final AtomicLong taken = new AtomicLong();

  private final EngineMetrics metrics;

  /** Those that ended although something may still touch their memory. */
  private final Set<TransferHandle> abandoned = ConcurrentHashMap.newKeySet();

  LastResort(EngineMetrics metrics) {
    this.metrics = metrics;
  }

  /**
   * {@return how often it came to this in this process since the last call} For tests: each fails
   * when this is not zero behind it.
   */
  public static long takeCount() {
    return taken.getAndSet(0);
  }

  /** Looks at a transfer that is under way. */
  void look(TransferHandle handle, long nowNanos) {
    if (!handle.isEndingSince(nowNanos - LIMIT_NANOS)) {
      return;
    }
    if (handle.markCutOff(nowNanos)) {
      count();
      log.error(
          "{} is not settled {} s after its end was decided: a mistake in the engine, please report"
              + " it. What carries it is closed, and other transfers with it",
          handle.describe(),
          TimeUnit.NANOSECONDS.toSeconds(LIMIT_NANOS));
      handle.cutOff();
    } else if (handle.isCutOffSince(nowNanos - LIMIT_NANOS)) {
      abandon(handle);
    }
  }

  /** Ends a transfer that nothing else has ended. */
  void abandon(TransferHandle handle) {
    String what = handle.describe();
    // Entered first: from its end on whoever frees its memory looks for it here.
    abandoned.add(handle);
    if (!handle.abandon()) {
      abandoned.remove(handle);
      return;
    }
    // Counted before the end can be seen: who sees the state sees the numbers.
    count();
    log.error(
        "{} could not be cut off: it ends as failed, and its local memory stays in use for as long"
            + " as this process lives. A mistake in the engine, please report it",
        what);
    handle.finish(
        TransferState.FAILED,
        TransferException.withPeer(
            handle.request().target(),
            ErrorCode.BATCH_BUSY,
            "the transfer could not be cut off, so its local memory counts as in use from now on",
            "A mistake in the engine, please report it with the log. To use the memory again start"
                + " the process anew",
            null),
        FailureCause.OTHER);
  }

  private void count() {
    metrics.increment(Counter.LAST_RESORTS);
    taken.incrementAndGet();
  }

  /** The last request of one that was given up is settled after all. */
  void settled(TransferHandle handle) {
    if (abandoned.remove(handle)) {
      log.warn("{} is settled after all; its local memory is free", handle.describe());
    }
  }

  /** {@return whether one that was given up may still touch a range of our memory} */
  boolean mayTouch(long start, long end) {
    for (TransferHandle handle : abandoned) {
      if (handle.touches(start, end)) {
        return true;
      }
    }
    return false;
  }
}
