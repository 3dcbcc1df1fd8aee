// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.access.PeerIdentity;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;

/**
 * What a transport asks of the engine when it has to speak to a peer's engine rather than move its
 * bytes. Thread-safe. {@link #connect} and {@link #describe} block: never on an event loop.
 */
public interface PeerLink {
  /** {@return our segment's name as peers know it; empty until our daemon listens} */
  String segmentName();

  /** {@return what our descriptor carries as its incarnation} */
  String incarnation();

  /**
   * A peer's reply.
   *
   * @param from who gave it, with what it has proved on that connection
   */
  record Reply(HandshakeDescriptor message, PeerIdentity from) {}

  /**
   * Sends a Connection message (protocol section 5.3) to the daemon of a segment.
   *
   * @param segment the name in the segment's descriptor
   * @return the reply, which does not refuse
   * @throws io.transferengine.transfer.TransferException with SOCKET or DNS when the daemon cannot
   *     be reached, METADATA with the peer's reason when it refuses
   */
  Reply connect(String segment, HandshakeDescriptor request, Duration timeout);

  /**
   * {@return what a segment says of itself now; nothing is cached}
   *
   * @throws io.transferengine.transfer.TransferException when it cannot be asked
   */
  SegmentDescriptor describe(String segment, Duration timeout);

  /**
   * {@return whether asking for a segment of that name leads nowhere but back to who named it} A
   * stranger may name any host: it is asked only if the name leads to where the stranger is, or if
   * names are looked up in a metadata service.
   */
  boolean leadsTo(String segment, InetAddress from);

  /**
   * {@return whether a name that a peer has for itself leads to this machine from here, though the
   * peer is on another} What is kept under such a name may be mistaken for one of ours. Asks no
   * name service.
   */
  boolean misleads(String server, InetAddress from);

  /** Says that {@link Transport#describe} adds something else now; where it is kept, it is old. */
  void descriptionChanged();

  /**
   * Gives a task of which no request is out to another transport that reaches the peer.
   *
   * @return the name of the other one; empty when there is none, or the policy forbids it: then the
   *     task stays where it is
   */
  Optional<String> handOver(Transport from, PeerAddress peer, TransferTask task);
}
