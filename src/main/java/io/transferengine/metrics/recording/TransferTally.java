// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import io.transferengine.events.EngineListener;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferState;
import java.util.Optional;

/**
 * A listener of our own that counts transfers: it needs a few figures of each and no report, which
 * takes memory and time on the thread that ends it. It may keep some back, to count them on a
 * thread that nobody waits for. Thread-safe.
 */
public interface TransferTally extends EngineListener {
  /**
   * A transfer has ended. Called instead of {@link #transferEnded}, by the same threads.
   *
   * @param transport what carried it, as a report says it
   * @param nanos from its submission to its end, 0 or more
   * @param bytes those that have reached their destination
   * @param span its part of a trace
   * @return whether {@link #catchUp} should be called soon, since many are kept back
   */
  boolean ended(
      Operation operation,
      String transport,
      TransferState state,
      long nanos,
      long bytes,
      int blocks,
      Optional<TraceParent> span);

  /**
   * Called some ten times a second. Takes no memory, and does not wait.
   *
   * @return whether any are kept back
   */
  boolean look();

  /** Counts those that are kept back, which may take a while. Throws nothing. */
  void catchUp();
}
