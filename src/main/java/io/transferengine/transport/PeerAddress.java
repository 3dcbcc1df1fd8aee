// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.util.List;

/**
 * A segment and the addresses that its host name resolved to: transports must not block on a name
 * service.
 *
 * @param descriptor what the peer published
 * @param addresses at least one, in the order in which to try them
 */
public record PeerAddress(SegmentDescriptor descriptor, List<InetAddress> addresses) {
  /** Copies the list. */
  public PeerAddress {
    addresses = List.copyOf(addresses);
  }
}
