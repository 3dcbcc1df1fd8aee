// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.transfer.TransferException;

/** Answers handshakes on the RPC port. */
public final class HandshakeDaemon implements AutoCloseable {
  /**
   * Binds, and starts to answer.
   *
   * @throws TransferException SOCKET when no port could be bound
   */
  public HandshakeDaemon(HandshakeDaemonOptions options, HandshakeHandler handler) {}

  /** {@return the port that it listens on} */
  public int port() {
    return 0;
  }

  /** {@return the requests answered so far} */
  public long answered() {
    return 0;
  }

  /** {@return the connections closed because too many were open} */
  public long refused() {
    return 0;
  }

  /** {@return the connections closed because of what came, or did not come, over them} */
  public long failed() {
    return 0;
  }

  /** Stops listening and ends every connection, within about a second. Idempotent. */
  @Override
  public void close() {}
}
