// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import org.jspecify.annotations.Nullable;

/**
 * How a lane's connection ended.
 *
 * @param reason the kind, which decides what becomes of its requests
 * @param text for people
 * @param cause what the socket said, if anything
 * @param answers the requests that had been answered on it
 */
record ConnectionEnd(Reason reason, String text, @Nullable Throwable cause, int answers) {

  /** Why a connection ended. */
  enum Reason {
    /** Still open. */
    NONE,
    /** The target refused the oldest request and closed, as the protocol says. */
    REJECTED,
    /** Closed to free the memory of a task that is ending. */
    ABORTED,
    /** Ended by the peer or the network. */
    LOST,
    /** Something arrived that is not the protocol. */
    PROTOCOL,
    /** A checksum was wrong where nothing that follows can be told apart. */
    DAMAGED,
    /** Something threw here: a mistake of ours, memory that ran out or is gone. */
    FAULT,
    /** Somebody else listens there, who took none of the requests. */
    ANOTHER,
    /** Closed by the peer in order, while nothing was asked of it. */
    IDLE,
    /** Closed because the next request needs a connection of its own. */
    RENEWED,
    /** Closed since the peer is another process, or elsewhere, by now. */
    OUTDATED,
    /** Closed with the engine. */
    SHUTDOWN
  }

  /** {@return the failure of those transfers that fail with the connection} */
  TransferException failure(String peer, boolean version2) {
    if (!version2 && reason == Reason.LOST) {
      // Perhaps a refusal: the general code, as for a refusal that version 2 puts into words.
      return TransferException.withPeer(
          peer,
          ErrorCode.INVALID_ARGUMENT,
          "data connection closed: " + text,
          "A version 1 peer closes when it refuses a range: is the memory registered there, and is"
              + " the peer still running?",
          cause);
    }
    if (reason == Reason.ANOTHER) {
      return TransferException.withPeer(
          peer,
          ErrorCode.SOCKET,
          "its data port is not its own: " + text,
          "Does the name by which the peer calls itself lead to another machine from here, as"
              + " localhost does? Start it with a name or address that leads to it",
          null);
    }
    if (reason == Reason.DAMAGED) {
      return LocalFaults.damaged(peer, text);
    }
    if (reason == Reason.SHUTDOWN) {
      return TransferException.withPeer(peer, ErrorCode.CLOSED, text, "", cause);
    }
    if (reason == Reason.FAULT && cause != null) {
      return LocalFaults.ofConnection(peer, cause);
    }
    return TransferException.withPeer(
        peer,
        ErrorCode.SOCKET,
        "data connection closed: " + text,
        answers == 0 && reason == Reason.LOST
            ? "Is the peer still running, and has it the same TE_TLS and TE_TOKEN_FILE as this"
                + " engine?"
            : "Is the peer still running? The transfer may be tried again",
        cause);
  }
}
