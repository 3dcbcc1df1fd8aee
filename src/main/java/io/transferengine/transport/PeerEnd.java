// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;

/** Why a transport gives up what it holds for a peer, and what that means for its transfers. */
public enum PeerEnd {
  /** The engine is closed. */
  SHUTDOWN,
  /**
   * It is reached in another way by now, or what was held for it made room. It may be well: a
   * transfer that has not begun is to ask for it again.
   */
  OUTDATED,
  /**
   * Its process is another one now: it has told us so. What was sent to the old one and is not
   * settled has no effect any more.
   */
  RESTARTED;

  /** {@return what has happened} */
  public String text() {
    return switch (this) {
      case SHUTDOWN -> "the connection to this peer was closed";
      case OUTDATED -> "the peer was restarted, or is reached in another way by now";
      case RESTARTED -> "the peer was restarted";
    };
  }

  /** {@return the failure of those transfers that end with it} */
  public TransferException failure(String peer) {
    return switch (this) {
      case SHUTDOWN -> TransferException.withPeer(peer, ErrorCode.CLOSED, text(), "", null);
      case OUTDATED, RESTARTED ->
          TransferException.withPeer(
              peer,
              ErrorCode.SOCKET,
              text(),
              "Ask for its buffers again (Segment.refresh), and submit the transfer again",
              null);
    };
  }

  /**
   * {@return the cause of a transfer's end}
   *
   * @param hadEffect whether bytes of it may have arrived, or may arrive yet
   */
  public FailureCause cause(boolean hadEffect) {
    return switch (this) {
      case SHUTDOWN -> FailureCause.SHUTDOWN;
      case OUTDATED, RESTARTED ->
          hadEffect ? FailureCause.CONNECTION_LOST : FailureCause.STALE_DESCRIPTOR;
    };
  }
}
