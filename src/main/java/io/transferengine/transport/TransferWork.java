// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import org.jspecify.annotations.Nullable;

/**
 * The work on one batch as the engine sees it: one {@link TransferTask}, or one for each of several
 * transports. Thread-safe.
 */
public interface TransferWork {

  /** Told once, on whichever thread settles the last request; must not block. */
  interface Listener {
    /**
     * The work has ended; nothing touches local memory for it any more.
     *
     * @param state COMPLETED, FAILED, TIMEOUT or CANCELED
     * @param failure why, unless completed
     */
    void taskEnded(
        TransferState state, @Nullable TransferException failure, @Nullable FailureCause cause);

    /** {@return whether this very thread will wait for the end as soon as the work is begun} */
    default boolean isAwaitedHere() {
      return false;
    }

    /**
     * What this thread, which waits, does first: it looks for the end for a moment, where that may
     * pay.
     *
     * @param step done again and again meanwhile
     */
    default void lookFirst(Runnable step) {}
  }

  /** {@return whether any request was ever handed out} */
  boolean isStarted();

  /** {@return when the first was, by {@link System#nanoTime()}; 0 before, for a single task} */
  long startedNanos();

  /**
   * {@return the name of the transport that it was given to last; {@code several} if its blocks are
   * with more than one, empty if with none}
   */
  String transport();

  /** {@return how many requests were handed out} */
  int requests();

  /** {@return how many of them had been handed out before, and came back} */
  int requestsAgain();

  /** {@return how many connections or paths took some; 0 if there are none} */
  int lanes();

  /** {@return the bytes known to be in their destination} */
  long completedBytes();

  /** {@return when a request was last completed, by {@link System#nanoTime()}} */
  long progressNanos();

  /**
   * {@return whether the peer refuses requests that are merged of several blocks} Then no more are
   * merged: its buffers are made of parts that are ranges by themselves.
   */
  boolean isMergeRefused();

  /** {@return the blocks that have to be moved again if the work has failed and is repeated} */
  BlockColumns blocksToRepeat();

  /**
   * Ends the work from outside. If requests are out, those who have them are asked to cancel them,
   * and the listener is told when the last is settled.
   */
  void end(TransferState state, TransferException why, FailureCause kind);

  /** {@return whether it was to end before a moment of {@link System#nanoTime()} and has not} */
  boolean isEndingSince(long nanos);

  /** The last resort for work that does not end: has what carries its requests closed. */
  void cutOff();

  /** {@return where it stands, for the log} */
  String describe();
}
