// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.access.PeerIdentity;
import io.transferengine.memory.Region;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.tls.VerifiedPeer;
import io.transferengine.transport.AccessControl;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one peer's requests may touch: ranges that lie in one registration, if its rights and the
 * policy allow what is asked. It remembers why it refused last. Confined to the connection's event
 * loop.
 */
final class Admission {
  private final TargetContext context;
  private PeerIdentity peer;
  private Instant certificateEnd = Instant.MAX;
  private String why = NOT_REGISTERED;
  private Audit.@Nullable Reason reason;

  static final String NOT_REGISTERED = "which is not wholly inside one registration";

  private static final String DEVICE =
      "which is a device's memory that was registered without TCP: the log there says why";

  Admission(TargetContext context, PeerIdentity peer) {
    this.context = context;
    this.peer = peer;
  }

  /** TLS has said who the peer is, before its first request. */
  void proved(VerifiedPeer verified) {
    proved(verified.names());
    certificateEnd = verified.ends();
  }

  /** The peer has proved these names, too, before its first request. */
  void proved(List<String> names) {
    List<String> all = new ArrayList<>(peer.names());
    all.addAll(names);
    if (!all.isEmpty()) {
      peer = PeerIdentity.proved(peer.address(), all);
    }
  }

  /** {@return when what it has proved ends} */
  Instant certificateEnd() {
    return certificateEnd;
  }

  /** {@return whether what it has proved has ended} */
  boolean isExpired(Instant now) {
    return now.isAfter(certificateEnd);
  }

  /** {@return who the peer is} */
  PeerIdentity peer() {
    return peer;
  }

  /**
   * Finds the registration of a range, and counts a use of it.
   *
   * @return the region, to be released once; null if the peer may not do this: {@link #why} says
   *     the reason
   */
  @Nullable Region acquire(long address, long length, boolean write) {
    reason = null;
    Region region = context.regions().acquireTouchable(address, length);
    if (region == null) {
      region = acquireDevice(address, length);
    }
    if (region == null) {
      return null;
    }
    boolean admitted = false;
    try {
      AccessControl.Refusal refusal = context.access().refusal(peer, region, write);
      if (refusal == null) {
        admitted = true;
        return region;
      }
      refuse(refusal.reason(), refusal.text());
      return null;
    } finally {
      if (!admitted) {
        region.release();
      }
    }
  }

  private @Nullable Region acquireDevice(long address, long length) {
    Region there = context.regions().find(address, length);
    if (there == null || there.isTouchable() || !there.acquire(address, length)) {
      refuse(null, NOT_REGISTERED);
      return null;
    }
    if (!context.staging().isReady(there)) {
      there.release();
      refuse(null, DEVICE);
      return null;
    }
    return there;
  }

  private void refuse(Audit.@Nullable Reason forReason, String text) {
    reason = forReason;
    why = text;
  }

  /** {@return why a range was refused last, as the end of a sentence} */
  String why() {
    return why;
  }

  /** {@return why access was refused last; null if there was no registration to refuse it} */
  Audit.@Nullable Reason reason() {
    return reason;
  }
}
