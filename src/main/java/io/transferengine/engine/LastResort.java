// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.logging.Anyway;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.HeapRoom;
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
 * Ends transfers that should have ended. Whatever mistakes the engine has, no caller waits forever.
 *
 * <p>Once the outcome of a transfer is set (deadline, cancel, failure), its requests are settled
 * within moments. If one is left after {@link #LIMIT_NANOS}, there is a mistake in the engine. Two
 * steps follow. First the connections or queue pairs that carry the transfer are closed, with
 * everything else on them, which settles all requests that they know of. If the transfer has not
 * ended after the same time again, a request was forgotten or a thread of ours stands still. Then
 * it ends as failed. Something may still write to its local memory, so the uses of that memory are
 * kept: it cannot be unregistered, freed or handed out again. Each step is an ERROR in the log.
 *
 * <p>The steps run only on the thread that checks deadlines, and during the engine's close on the
 * closing thread. The rest is thread-safe.
 */
public final class LastResort {
  /** Several times the time to cut a connection or drain a queue pair. */
  static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(5);

  private static final Logger log = LoggerFactory.getLogger(LastResort.class);

  /** Of all engines of this process. */
  private static final AtomicLong taken = new AtomicLong();

  /** When a transfer has been ending for so long, it is watched whether there is memory. */
  private static final long SUSPICION_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final EngineMetrics metrics;
  private final Runnable memory;

  /** When there was no memory, the last time that it was looked for; see {@link #look}. */
  private long dryNanos;

  private long dryLookNanos;

  private boolean wasDry;

  /** Transfers that ended although something may still touch their memory. */
  private final Set<TransferHandle> abandoned = ConcurrentHashMap.newKeySet();

  LastResort(EngineMetrics metrics) {
    this(metrics, new Room());
  }

  /**
   * For tests.
   *
   * @param memory throws if there is none
   */
  LastResort(EngineMetrics metrics, Runnable memory) {
    this.metrics = metrics;
    this.memory = memory;
  }

  private static final class Room implements Runnable {
    @Override
    public void run() {
      HeapRoom.require();
    }
  }

  /**
   * {@return how many steps there were in this process since the last call} For tests: each fails
   * if this is not zero after it.
   */
  public static long takeCount() {
    return taken.getAndSet(0);
  }

  /**
   * Checks a transfer that is under way. As long as the heap is full, threads of ours stand still
   * without any mistake: the time begins anew when it is not.
   */
  void look(TransferHandle handle, long nowNanos) {
    if (!handle.isEndingSince(nowNanos - SUSPICION_NANOS)) {
      return;
    }
    if (wasDry && dryLookNanos == nowNanos) {
      return; // As for the one before: each look for memory may cost collections.
    }
    try {
      memory.run();
    } catch (OutOfMemoryError e) {
      wasDry = true;
      dryLookNanos = nowNanos;
      // Not when the look began: to find no memory may take seconds, of the garbage collector.
      dryNanos = Math.max(nowNanos, System.nanoTime());
      return;
    }
    if (!handle.isEndingSince(nowNanos - LIMIT_NANOS)
        || (wasDry && nowNanos - dryNanos < LIMIT_NANOS)) {
      return;
    }
    if (handle.markCutOff(nowNanos)) {
      count();
      log.error(
          "{} is not settled {} s after its outcome was set: a mistake in the engine, please report"
              + " it. Its connections are closed, with other transfers on them",
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
    // Entered first: from the transfer's end on, a call that frees its memory looks for it here.
    abandoned.add(handle);
    if (!handle.abandon()) {
      abandoned.remove(handle);
      return;
    }
    // Counted before the end is visible, so that a caller who sees the state sees the numbers.
    count();
    log.error(
        "{} could not be cut off: it ends as failed, and its local memory stays in use until this"
            + " process ends. A mistake in the engine, please report it",
        what);
    // No other end of a transfer has this code: it tells users not to free the memory.
    TransferException why =
        TransferException.withPeer(
            handle.request().target(),
            ErrorCode.BATCH_BUSY,
            "the transfer could not be cut off, so its local memory counts as in use from now on",
            "A mistake in the engine, please report it with the log. Restart the process to use the"
                + " memory again",
            null);
    handle.finish(TransferState.FAILED, why, FailureCause.OTHER);
    // Of a transfer over several transports some may have been well until now.
    try {
      handle.abort(TransferState.FAILED, why, FailureCause.OTHER);
    } catch (Throwable t) {
      Anyway.failed(log, "Ending the rest of a transfer", t);
    }
  }

  private void count() {
    metrics.increment(Counter.LAST_RESORTS);
    taken.incrementAndGet();
  }

  /** The last request of an abandoned transfer is settled after all. */
  void settled(TransferHandle handle) {
    if (abandoned.remove(handle)) {
      log.warn("{} is settled after all; its local memory is free", handle.describe());
    }
  }

  /** {@return whether an abandoned transfer may still touch a range of our memory} */
  boolean mayTouch(long start, long end) {
    for (TransferHandle handle : abandoned) {
      if (handle.touches(start, end)) {
        return true;
      }
    }
    return false;
  }
}
