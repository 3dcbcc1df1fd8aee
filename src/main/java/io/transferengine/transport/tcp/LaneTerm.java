// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.tls.VerifiedPeer;
import java.time.Duration;
import java.time.Instant;

/**
 * Until when a lane's connection takes requests: each side has proved who it is by a certificate,
 * and certificates end. Without TLS for ever. Confined to the connection's event loop.
 */
final class LaneTerm {
  /**
   * So long before our own certificate ends the connection is replaced: the target ends those with
   * an old one, in the middle of writes. Longer than its clock is likely to differ from ours.
   */
  static final Duration OWN_MARGIN = Duration.ofSeconds(10);

  private Instant peerEnd = Instant.MAX;
  private Instant ownEnd = Instant.MAX;
  private Instant leave = Instant.MAX;
  private String over = "";

  /** Both are known from now on. */
  void begins(VerifiedPeer peer, Instant now) {
    peerEnd = peer.ends();
    ownEnd = peer.ownEnds();
    Instant early = ownEnd.minus(OWN_MARGIN);
    // Replaced once, even if there is no newer certificate by then.
    // What is made with one that has ended, the target may refuse or not.
    leave = now.isBefore(early) ? early : now.isBefore(ownEnd) ? ownEnd : Instant.MAX;
  }

  /** Sees whether it is over by now; to be called every second or so. */
  void look(Instant now) {
    if (now.isAfter(peerEnd)) {
      over = "the peer's certificate ended at " + peerEnd;
    } else if (now.isAfter(leave)) {
      over = "our certificate ends at " + ownEnd;
    }
  }

  /** {@return whether the connection takes no further requests, and ends behind those it has} */
  boolean isOver() {
    return !over.isEmpty();
  }

  /** {@return why} */
  String why() {
    return over;
  }

  /** {@return what to add to the words of the peer's that end it; may be empty} */
  String note(Instant now) {
    return now.isAfter(ownEnd)
        ? " (it was made with our certificate that ended at "
            + ownEnd
            + "; is there a new one in TE_TLS_CERT?)"
        : "";
  }
}
