// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.TransferRequest;
import java.time.Duration;

/** A transfer whose submitter does nothing but wait for its end, and may move the bytes itself. */
public final class MovedByCaller {
  /** Longer than any deadline: a transfer ends by itself. */
  private static final Duration UNTIL_THE_END = Duration.ofDays(36_500);

  private MovedByCaller() {}

  /**
   * Submits a transfer, and waits for the end.
   *
   * @return the transfer, which has ended
   * @throws InterruptedException if this thread is interrupted; then the transfer has ended, by a
   *     cancel unless it was faster
   */
  public static TransferHandle move(EngineCore core, TransferRequest request)
      throws InterruptedException {
    TransferHandle transfer = core.submitAwaited(request);
    try {
      transfer.await(UNTIL_THE_END);
    } catch (Throwable t) {
      // It may have completed all the same, but an interrupted call is a failed one.
      cancelAndAwait(transfer);
      throw t;
    }
    return transfer;
  }

  /**
   * The memory belongs to the caller again when the transfer has ended: within moments, or at its
   * deadline.
   */
  private static void cancelAndAwait(TransferHandle transfer) {
    try {
      transfer.cancel();
    } catch (OutOfMemoryError scarce) {
      // Then the transfer goes on to its end.
    }
    while (!transfer.state().isTerminal()) {
      try {
        transfer.await(UNTIL_THE_END);
      } catch (InterruptedException again) {
        // The caller's flag is set once, where the first interrupt becomes a status.
      }
    }
  }
}
