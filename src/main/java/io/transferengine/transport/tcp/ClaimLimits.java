// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.util.function.BooleanSupplier;

/** How much a connection may claim at a time. Confined to its event loop. */
final class ClaimLimits {
  /** Requests claimed at a time: enough for one gathering write, few enough to share fairly. */
  private static final int REQUESTS_MAX = 64;

  /** Bytes claimed at a time; see {@link #REQUESTS_MAX}. */
  private static final long BYTES_MAX = 512L << 10;

  private final PeerProfile peer;
  private final RequestRing ring;
  private final BooleanSupplier idleLaneBeside;

  /**
   * @param idleLaneBeside whether another lane has nothing out and could begin at once, roughly
   */
  ClaimLimits(PeerProfile peer, RequestRing ring, BooleanSupplier idleLaneBeside) {
    this.peer = peer;
    this.ring = ring;
    this.idleLaneBeside = idleLaneBeside;
  }

  /** {@return how many requests more may be out; 0 or less for none} */
  int room() {
    if (peer.connectionReuse() != ConnectionReuse.REUSED) {
      return ring.size() == 0 ? 1 : 0;
    }
    if (!ring.hasRoom(idleLaneBeside.getAsBoolean())) {
      return 0;
    }
    int requests =
        peer.requestsPerLane() - ring.frames() - (peer.isVersion2() ? 0 : WriteConfirmation.PLACES);
    return Math.min(requests, ring.capacity() - ring.size());
  }

  /** {@return how many requests to claim when there is room for so many} */
  int requests(int room) {
    return Math.min(room, vectored() ? RequestWriter.RANGES_MAX : REQUESTS_MAX);
  }

  /** {@return how many bytes to claim} */
  long bytes() {
    return Math.min(BYTES_MAX, peer.laneWindowBytes() / 2);
  }

  /** {@return the most bytes of one request} Those of a peer that takes one per connection: any. */
  long requestBytes() {
    return peer.isChecked()
            || (peer.isVersion2() && peer.connectionReuse() != ConnectionReuse.SINGLE_USE)
        ? RequestWriter.REQUEST_BYTES_MAX
        : Long.MAX_VALUE;
  }

  /** {@return whether small requests go out as vectored ones} */
  boolean vectored() {
    return peer.takesVectors() && peer.connectionReuse() == ConnectionReuse.REUSED;
  }
}
