// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.access.PeerIdentity;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.util.Optional;

/**
 * The engine's answers to the daemon's requests. Each request has its own thread, which calls these
 * methods; many run at once. A method may block: only its own request waits, within its time limit.
 */
public interface HandshakeHandler {
  /**
   * {@return our descriptor; empty while the engine is starting, and if descriptors are kept in a
   * store: the daemon then answers {@code null}}
   *
   * <p>The daemon keeps the encoded form of the last descriptor: return the same instance until
   * something changes.
   */
  Optional<SegmentDescriptor> metadata();

  /**
   * Takes a notification in its encoded form, so that it need not be decoded if there is no room
   * for it. If this method throws, the daemon answers that the notification was not taken.
   *
   * @param from the sender's address
   * @param json the message; the handler owns it from now on
   * @throws io.transferengine.transfer.TransferException with MALFORMED_JSON if it is not a Notify
   *     message
   */
  void notify(InetAddress from, byte[] json);

  /**
   * {@return the reply to a Connection message; with a {@code replyMessage} if it is refused}
   *
   * <p>If this method throws, the exception's text becomes the {@code replyMessage}.
   *
   * @param from the sender, with what it has proved on this connection
   */
  HandshakeDescriptor connection(PeerIdentity from, HandshakeDescriptor request);
}
