// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.transfer.HostPort;
import java.time.LocalDateTime;
import java.util.Optional;

/**
 * An engine that is registered in a metadata service. Whatever it says of itself is a stranger's
 * text: do not print it as it is.
 *
 * @param name the segment's name
 * @param address where its handshake port is; empty where the record cannot be read
 * @param presence whether it is there now
 * @param offer what it offers; empty where the record is absent or cannot be read
 */
public record RegisteredSegment(
    String name, Optional<HostPort> address, Presence presence, Optional<Offer> offer) {

  /** Whether an engine answers where it is registered. */
  public enum Presence {
    /** Its port accepts connections, and no other engine answers there. */
    REACHABLE,
    /** Its port does not accept connections, or is unknown. */
    UNREACHABLE,
    /** Another engine has its port. */
    REPLACED
  }

  /**
   * What a segment offers to its peers.
   *
   * @param protocol what moves the bytes, such as {@code tcp} or {@code rdma}
   * @param buffers how many ranges of memory are registered
   * @param bytes how long they are together
   * @param changed when it last registered or unregistered memory, else when it was started, by the
   *     clock and in the time zone of its machine; empty where it does not say
   */
  public record Offer(String protocol, int buffers, long bytes, Optional<LocalDateTime> changed) {}
}
