// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.logging.Anyway;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransferTask;
import io.transferengine.verbs.QueuePair;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One queue pair of an endpoint, and the requests that are posted on it. Confined to the endpoint's
 * worker, except for the queue pair's state changes.
 *
 * <p>A completion identifies its work request by 64 bits: the queue's slot at its worker, the
 * slot's generation (a provider may deliver completions of a queue pair that has been destroyed),
 * and the low half of the request's position.
 */
final class SendQueue {
  private static final Logger log = LoggerFactory.getLogger(SendQueue.class);

  /** Not where they are used: a text takes memory when that is run for the first time. */
  private static final String NOT_GIVEN_BACK = "Giving a request back failed";

  private static final String NOT_RETURNED = "A transfer that got requests back cannot go on";

  /** Enough slots for more queue pairs than any device has. */
  static final int SLOT_BITS = 20;

  private static final int GENERATION_BITS = 12;
  private static final int POSITION_BITS = 32;

  final QueuePair queuePair;
  final PostedRing ring;
  private int slot = -1;
  private int generation;

  /** After an error: every request before this position has completed. */
  private long flushedEnd;

  private boolean failed;
  private long culprit = -1;
  private @Nullable TransferException culpritFailure;
  private FailureCause culpritCause = FailureCause.OTHER;

  SendQueue(QueuePair queuePair, int capacity) {
    this.queuePair = queuePair;
    this.ring = new PostedRing(capacity);
  }

  void placedAt(int slot, int generation) {
    this.slot = slot;
    this.generation = generation & ((1 << GENERATION_BITS) - 1);
  }

  int slot() {
    return slot;
  }

  long workRequestId(long position) {
    return ((long) slot << (GENERATION_BITS + POSITION_BITS))
        | ((long) generation << POSITION_BITS)
        | (position & 0xffff_ffffL);
  }

  static int slotOf(long workRequestId) {
    return (int) (workRequestId >>> (GENERATION_BITS + POSITION_BITS));
  }

  /**
   * {@return the position of the request that a completion is for; -1 if it is not for this queue}
   */
  long positionOf(long workRequestId) {
    int itsGeneration = (int) (workRequestId >>> POSITION_BITS) & ((1 << GENERATION_BITS) - 1);
    if (itsGeneration != generation) {
      return -1;
    }
    long position = ring.first() + ((workRequestId - ring.first()) & 0xffff_ffffL);
    return position < ring.end() ? position : -1;
  }

  /** A request has completed with an error. The requests before it are settled. */
  void failedAt(long position) {
    failed = true;
    flushedEnd = position + 1;
  }

  /** The request itself is at fault, not the path to the peer. */
  void blame(long position, TransferException failure, FailureCause cause) {
    culprit = position;
    culpritFailure = failure;
    culpritCause = cause;
  }

  boolean hasFailed() {
    return failed;
  }

  /** {@return whether every posted request has completed, with or without an error} */
  boolean isDrained() {
    return ring.size() == 0 || (failed && flushedEnd == ring.end());
  }

  /** Gives the newest requests back to their task, because they were not posted. */
  void giveBackLast(int count) {
    for (int left = count; left > 0; left--) {
      giveBack(ring.end() - 1);
      ring.removeLast();
    }
  }

  /**
   * If there is no memory to note it in, the request fails: one that was left out would keep the
   * memory of its transfer for ever.
   */
  private void giveBack(long position) {
    TransferTask task = ring.task(position);
    if (task != null) {
      try {
        task.giveBack(ring.block(position), ring.local(position), ring.length(position));
      } catch (Throwable t) {
        task.failed(WorkErrors.localFault(), FailureCause.LOCAL);
        Anyway.error(log, NOT_GIVEN_BACK, t);
      }
    }
  }

  private static void addTo(List<TransferTask> returned, TransferTask task) {
    try {
      if (!returned.contains(task)) {
        returned.add(task);
      }
    } catch (Throwable t) {
      task.end(TransferState.FAILED, WorkErrors.localFault(), FailureCause.LOCAL);
      Anyway.error(log, NOT_RETURNED, t);
    }
  }

  /**
   * Settles all posted requests. The queue pair is destroyed, so nothing touches their memory any
   * more. The requests are given back newest first, so that they keep their order.
   *
   * @param returned gets each task that has got requests back
   * @return how many requests will be sent again; probes and requests of ending tasks do not count
   */
  int settleAll(List<TransferTask> returned) {
    int again = 0;
    while (ring.size() > 0) {
      long position = ring.end() - 1;
      TransferTask task = ring.task(position);
      TransferException blamed = position == culprit ? culpritFailure : null;
      if (task != null && blamed != null) {
        task.failed(blamed, culpritCause);
      } else if (task != null) {
        if (!task.isEnding()) {
          again++;
        }
        giveBack(position);
        addTo(returned, task);
      }
      ring.removeLast();
    }
    return again;
  }
}
