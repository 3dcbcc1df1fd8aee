// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.transfer.HostPort;
import java.time.LocalDateTime;
import java.util.Optional;

/**
 * An engine that is registered in a metadata service. Its texts are a stranger's: do not print them
 * unchanged.
 *
 * @param name the segment's name
 * @param address the address of its handshake port; empty if the record cannot be read
 * @param presence whether it answers now
 * @param offer what it offers; empty if the record is absent or cannot be read
 */
public record RegisteredSegment(
    String name, Optional<HostPort> address, Presence presence, Optional<Offer> offer) {

  /** Whether the engine answers at its registered address. */
  public enum Presence {
    /** The port accepts connections, and no other engine answers there. */
    REACHABLE,
    /** Its port does not accept connections, or is unknown. */
    UNREACHABLE,
    /** Another engine has its port. */
    REPLACED
  }

  /**
   * What a segment offers to its peers.
   *
   * @param protocol its transport, such as {@code tcp} or {@code rdma}
   * @param buffers the number of registered ranges
   * @param bytes their total length
   * @param changed when it last registered or unregistered memory, else when it was started, by the
   *     clock and in the time zone of its machine; empty if it does not say
   */
  public record Offer(String protocol, int buffers, long bytes, Optional<LocalDateTime> changed) {}
}
