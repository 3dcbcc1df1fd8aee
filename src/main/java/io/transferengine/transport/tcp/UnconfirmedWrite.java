// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransferTask;

/**
 * A version 1 write that was sent whole on a connection of its own, which has ended in order, and
 * that is done once its last byte could be read on the next one; see {@link WriteConfirmation}.
 * Nothing looks at its local memory any more.
 */
record UnconfirmedWrite(
    TransferTask task, int block, long local, long remote, long length, boolean unmerged) {

  /** It is not known to have arrived. */
  void failed(TransferException why, FailureCause cause) {
    task.failed(why, cause);
  }

  /** Its task has ended meanwhile, so nobody asks any more. */
  void dropped() {
    task.giveBack(block, local, length);
  }
}
