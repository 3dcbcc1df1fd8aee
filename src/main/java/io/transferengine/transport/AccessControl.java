// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.access.AccessPolicy;
import io.transferengine.access.PeerIdentity;
import io.transferengine.memory.Region;
import io.transferengine.metrics.recording.Audit;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What peers may do with our memory: the rights of each registration, and the caller's policy if
 * there is one. Every transport asks here. Thread-safe.
 */
public final class AccessControl {
  private final @Nullable AccessPolicy policy;
  private final Audit audit;

  /**
   * Why a peer may not do something.
   *
   * @param reason under which it is counted
   * @param text the end of a sentence
   */
  public record Refusal(Audit.Reason reason, String text) {}

  /**
   * For one engine.
   *
   * @param audit where refusals are told; {@link #audit()} gives it to those who refuse
   */
  public AccessControl(Optional<AccessPolicy> policy, Audit audit) {
    this.policy = policy.orElse(null);
    this.audit = audit;
  }

  /** {@return where refusals are told} */
  public Audit audit() {
    return audit;
  }

  /** {@return whether peers differ in what they may do} */
  public boolean hasPolicy() {
    return policy != null;
  }

  /** {@return why a peer may not read from a region, or write to it; null if it may} */
  public @Nullable Refusal refusal(PeerIdentity peer, Region region, boolean write) {
    if (!(write ? region.rights().mayWrite() : region.rights().mayRead())) {
      return new Refusal(
          Audit.Reason.RIGHTS,
          "but peers may %s the registration of %d bytes at 0x%x"
              .formatted(region.rights().text(), region.length(), region.address()));
    }
    return policy == null ? null : refusal(policy, peer, region, write);
  }

  private static @Nullable Refusal refusal(
      AccessPolicy policy, PeerIdentity peer, Region region, boolean write) {
    String why;
    try {
      if (write ? policy.mayWrite(peer, region) : policy.mayRead(peer, region)) {
        return null;
      }
      why = "the access policy lets this peer not %s";
    } catch (Throwable t) {
      why = "the access policy threw " + t.getClass().getName() + " when asked whether it may %s";
    }
    return new Refusal(
        Audit.Reason.POLICY,
        ("but " + why + " the registration of %d bytes at 0x%x")
            .formatted(write ? "write to" : "read from", region.length(), region.address()));
  }

  /**
   * {@return whether a peer may do to regions whatever their rights allow} Without a policy it may.
   *
   * @param peers the identities that the peer may have; each must be allowed
   */
  public boolean mayDoAll(List<PeerIdentity> peers, List<Region> regions) {
    for (Region region : policy == null ? List.<Region>of() : regions) {
      for (PeerIdentity peer : peers) {
        if (isForbidden(peer, region, false) || isForbidden(peer, region, true)) {
          return false;
        }
      }
    }
    return true;
  }

  private boolean isForbidden(PeerIdentity peer, Region region, boolean write) {
    Refusal refusal = refusal(peer, region, write);
    return refusal != null && refusal.reason() == Audit.Reason.POLICY;
  }
}
