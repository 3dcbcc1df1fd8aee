// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;

/** The tasks for a peer as one of its lanes sees them. For the lane's event loop. */
interface LaneTasks {
  /** {@return whether a task waits to be claimed from by this lane} */
  boolean hasWork();

  /**
   * Hands the next requests to a sink; see {@link TransferTask#claim}.
   *
   * @return whether there may be more
   */
  boolean claim(
      RequestSink<TransferTask> sink, int maxRequests, long maxBytes, long maxRequestBytes);

  /**
   * As {@link #claim}, but of this task alone, and only if it is the next one and nothing that is
   * late has to come before it.
   */
  boolean claimFirst(
      TransferTask task,
      RequestSink<TransferTask> sink,
      int maxRequests,
      long maxBytes,
      long maxRequestBytes);

  /** A task has got requests back: it is next. */
  void requeue(TransferTask task);

  /**
   * A write of a transfer that has ended goes on: newer ones to the same place stay behind it. To
   * be said before the end is.
   */
  void writeIsLate(RequestRing ring, long position);

  /** It has arrived. */
  void lateWriteArrived(RequestRing ring, long position);

  /** Those of a connection that has ended. */
  void lateWritesGone(RequestRing ring);
}
