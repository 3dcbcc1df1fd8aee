// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transport.TransferTask;

/**
 * Ends what a lane has of a task, on the lane's event loop. A class: a lambda that is made for the
 * first time in a full heap may be lost for ever (ADR 41), and with it all deadlines.
 */
final class LaneCancel implements Runnable {
  /** A lane, on its event loop. */
  interface Of {
    /** None of the task's requests is to keep its memory any longer. */
    void cancelHere(TransferTask task);

    /** Closes the connection if it carries the task. */
    void cutOffHere(TransferTask task);
  }

  private final Of lane;
  private final TransferTask task;
  private final boolean byForce;

  /**
   * @param byForce whether the connection that carries the task is closed for it
   */
  LaneCancel(Of lane, TransferTask task, boolean byForce) {
    this.lane = lane;
    this.task = task;
    this.byForce = byForce;
  }

  @Override
  public void run() {
    if (byForce) {
      lane.cutOffHere(task);
    } else {
      lane.cancelHere(task);
    }
  }

  /** The same for a connection, when its answers have had some time to come. */
  static final class Late implements Runnable {
    private final LaneConnection connection;
    private final TransferTask task;

    Late(LaneConnection connection, TransferTask task) {
      this.connection = connection;
      this.task = task;
    }

    @Override
    public void run() {
      connection.abort(task);
    }
  }
}
