// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.transfer.TransferException;
import io.transferengine.transport.PeerLink;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.HostDescriptor;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.OptionalLong;

/** Asks other engines for leases. Thread-safe. */
final class LeaseRequests {
  /** How often a peer is asked before it is left alone: it may answer under two names at once. */
  private static final int ASK_TRIES = 3;

  /** How long a peer may take to give a lease. */
  private static final Duration LEASE_TIMEOUT = Duration.ofSeconds(10);

  private final PeerLink link;
  private final Area area;
  private final PeerAreas areas;
  private final HeldLeases held;
  private final HostDescriptor host;
  private final long incarnation;

  /** Numbers that nobody guesses: a stranger must not answer for a peer. */
  private final SecureRandom random = new SecureRandom();

  /** Requests of the engine that has the area. */
  LeaseRequests(
      PeerLink link,
      Area area,
      PeerAreas areas,
      HeldLeases held,
      HostDescriptor host,
      long incarnation) {
    this.link = link;
    this.area = area;
    this.areas = areas;
    this.held = held;
    this.host = host;
    this.incarnation = incarnation;
  }

  /**
   * {@return the lease that a peer gives us} Each name asks for itself: that it says who it is does
   * not make it so. Blocks.
   *
   * @param place of {@link HeldLeases#takePlace}
   * @throws TransferException if it gives none
   */
  HeldLease ask(LocalPeer peer, int place) {
    for (int i = 0; i < ASK_TRIES; i++) {
      OptionalLong slots = slots(peer, place);
      if (slots.isPresent()) {
        return held.of(peer.host(), peer.incarnation(), slots.getAsLong())
            .orElseThrow(() -> LocalFaults.noLease(peer.name()));
      }
    }
    throw LocalFaults.noLease(peer.name());
  }

  /**
   * Asks once. The reply is hearsay, too: what counts is what the peer writes into its area, while
   * we ask.
   *
   * @return where the slots are; empty if the peer has answered another request of ours since
   */
  private OptionalLong slots(LocalPeer peer, int place) {
    long number = random.nextLong() | 1;
    long ask = area.ask(place, peer.incarnation(), number);
    try {
      HandshakeDescriptor request = HandshakeDescriptor.slotsFor(host, ask);
      long slots = link.connect(peer.name(), request, LEASE_TIMEOUT).message().slots();
      long answered =
          areas
              .lease(peer.host(), slots, host, incarnation)
              .orElseThrow(() -> LocalFaults.noLease(peer.name()));
      return answered == number ? OptionalLong.of(slots) : OptionalLong.empty();
    } finally {
      area.clearAsk(place);
    }
  }
}
