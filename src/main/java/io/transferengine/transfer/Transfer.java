// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * A handle on one submitted batch of blocks. It reaches exactly one terminal state, within its
 * deadline; from then on the engine neither reads nor writes the local memory on its behalf.
 * Thread-safe.
 *
 * <p>Only the engine implements this; methods may be added. A test that needs one can have it from
 * an engine.
 */
public interface Transfer {
  /** {@return the state now} */
  TransferState state();

  /**
   * Waits until the transfer has ended or {@code timeout} is over, whichever is first. The wait
   * does not end the transfer: its own deadline or {@link #cancel()} does.
   *
   * @param timeout how long to wait at most; zero or negative only looks
   * @return the state then; not terminal when the time was over first
   * @throws InterruptedException when the waiting thread was interrupted; the transfer goes on
   */
  TransferState await(Duration timeout) throws InterruptedException;

  /**
   * {@return a future that completes when the transfer has ended: normally when {@link
   * TransferState#COMPLETED}, else with the {@link TransferException} of {@link #failure()}}
   *
   * <p>It completes on the engine's executor, never on an I/O thread. Cancelling the future does
   * not cancel the transfer.
   */
  CompletableFuture<Void> toCompletableFuture();

  /**
   * Asks for the end of the transfer. The terminal state follows once no byte of the local memory
   * can be touched any more: {@link TransferState#CANCELED}, or another one if that came first.
   *
   * @return whether the transfer had not ended yet
   */
  boolean cancel();

  /** {@return the bytes known to be in their destination, from 0 to the length of the batch} */
  long transferredBytes();

  /**
   * {@return why the transfer ended otherwise than {@link TransferState#COMPLETED}; empty before}
   */
  Optional<TransferException> failure();
}
