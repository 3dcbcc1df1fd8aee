// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

/**
 * What went to and from one peer.
 *
 * @param bytesWritten bytes of completed writes to it
 * @param bytesRead bytes of completed reads from it
 * @param transfersCompleted transfers whose every byte arrived
 * @param transfersFailed transfers that ended otherwise
 */
public record PeerSnapshot(
    long bytesWritten, long bytesRead, long transfersCompleted, long transfersFailed) {

  /** Nothing at all. */
  static final PeerSnapshot ZERO = new PeerSnapshot(0, 0, 0, 0);

  /**
   * {@return what came since {@code earlier}}
   *
   * @param earlier figures of the same peer
   */
  public PeerSnapshot minus(PeerSnapshot earlier) {
    return new PeerSnapshot(
        bytesWritten - earlier.bytesWritten,
        bytesRead - earlier.bytesRead,
        transfersCompleted - earlier.transfersCompleted,
        transfersFailed - earlier.transfersFailed);
  }
}
