// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.util.Optional;

/**
 * What the daemon asks its engine. Every method is called on a virtual thread of its own request,
 * many at once, and may block: the request then waits, within its time limit, and no other does.
 */
public interface HandshakeHandler {
  /**
   * {@return our descriptor; empty while the engine is starting, and where descriptors are kept in
   * a store: the peer is then told {@code null}}
   *
   * <p>The daemon keeps the encoded form of the last one: return the same instance until something
   * changes.
   */
  Optional<SegmentDescriptor> metadata();

  /**
   * Takes a notification as it came, so that one that there is no room for need not be decoded.
   * When it throws, the peer is told that it failed.
   *
   * @param from where it came from
   * @param json a Notify message; belongs to the handler
   * @throws io.transferengine.transfer.TransferException with MALFORMED_JSON when it is none
   */
  void notify(InetAddress from, byte[] json);

  /**
   * {@return the reply to a Connection message; with a {@code replyMessage} when it is refused}
   *
   * <p>When it throws, the exception's text is the {@code replyMessage}.
   *
   * @param from where the message came from
   */
  HandshakeDescriptor connection(InetAddress from, HandshakeDescriptor request);
}
