// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.engine.TransferHandle;
import io.transferengine.events.TransferReport;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * A handle on one submitted batch of blocks. It reaches exactly one terminal state, within its
 * deadline. From then on the engine neither reads nor writes the local memory for this transfer.
 * Thread-safe.
 *
 * <p>One failure is an exception to that: with the code {@link ErrorCode#BATCH_BUSY} the engine,
 * after a mistake of its own, could not make sure of it. Do not free or use that memory again in
 * this process.
 *
 * <p>Only an engine makes one, by {@link Engine#submit} and the methods of {@link Segment}.
 */
public final class Transfer {
  private final TransferHandle handle;

  Transfer(TransferHandle handle) {
    this.handle = handle;
  }

  /** {@return the state now} */
  public TransferState state() {
    return handle.state();
  }

  /**
   * Waits until the transfer has ended, at most {@code timeout}. The wait does not end the
   * transfer; its own deadline or {@link #cancel()} does.
   *
   * @param timeout how long to wait at most; zero or negative only looks
   * @return the state then; not terminal if the time was over first
   * @throws InterruptedException if the waiting thread was interrupted; the transfer goes on
   */
  public TransferState await(Duration timeout) throws InterruptedException {
    return handle.await(timeout);
  }

  /**
   * {@return a future that completes when the transfer has ended: normally if it is {@link
   * TransferState#COMPLETED}, else with the {@link TransferException} of {@link #failure()}}
   *
   * <p>It completes on the engine's executor, never on an I/O thread. Cancelling the future does
   * not cancel the transfer.
   */
  public CompletableFuture<Void> toCompletableFuture() {
    return handle.toCompletableFuture();
  }

  /**
   * Asks for the end of the transfer. The terminal state follows once the engine can no longer
   * touch the local memory. It is {@link TransferState#CANCELED}, or another state that came first.
   *
   * @return whether the transfer had not ended yet
   */
  public boolean cancel() {
    return handle.cancel();
  }

  /**
   * {@return the bytes known to have reached their destination, from 0 to the length of the batch}
   */
  public long transferredBytes() {
    return handle.transferredBytes();
  }

  /**
   * {@return why the transfer did not end as {@link TransferState#COMPLETED}; empty before its end}
   */
  public Optional<TransferException> failure() {
    return handle.failure();
  }

  /**
   * {@return what has happened to it until now, or until its end: its transport, its tries, and
   * where its time went} {@link #explain()} has it in a sentence.
   */
  public TransferReport report() {
    return handle.report();
  }

  /**
   * {@return what has happened to it until now, or until its end, in a sentence for people: what it
   * moves, over which transport and why that, its stages in microseconds, its requests, lanes and
   * tries, and why it failed}
   */
  public String explain() {
    return handle.explain();
  }

  /** {@return what it moves and how far it is, for people} */
  @Override
  public String toString() {
    return handle.toString();
  }
}
