// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transport.MemoryPairs;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.TransferEnds;
import io.transferengine.transport.Transport;
import io.transferengine.wire.SegmentDescriptor;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A peer's segment, ready for use. Immutable, except for {@code takesBlocksOnly}.
 *
 * @param name the name that it was opened by
 * @param address its descriptor and addresses
 * @param transports the transports that reach it and may be used, best first; at least one
 * @param buffers its published buffers, for look-ups
 * @param takesBlocksOnly set once the peer has refused a merged request but accepted its blocks one
 *     by one: a managed pool of a Java engine is one buffer, but each allocation in it is its own
 *     range
 */
record RemoteSegment(
    String name,
    PeerAddress address,
    List<Transport> transports,
    TransferEnds.Buffers buffers,
    AtomicBoolean takesBlocksOnly) {

  static RemoteSegment of(String name, PeerAddress address, List<Transport> transports) {
    return new RemoteSegment(
        name,
        address,
        List.copyOf(transports),
        new TransferEnds.Buffers(address.descriptor().buffers()),
        new AtomicBoolean());
  }

  SegmentDescriptor descriptor() {
    return address.descriptor();
  }

  /** {@return the best transport that reaches it} */
  Transport transport() {
    return transports.getFirst();
  }

  /** {@return the best transport that moves all of a transfer; empty if none does} */
  Optional<Transport> transportFor(MemoryPairs pairs) {
    for (Transport each : transports) {
      if (pairs.notMoved(each::moves).isEmpty()) {
        return Optional.of(each);
      }
    }
    return Optional.empty();
  }
}
