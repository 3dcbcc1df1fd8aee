// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The quality of a GID, best first (protocol section 9.2): whether peers in other networks reach
 * it, and whether its interface is the host's rather than a container network's.
 */
public enum GidRank {
  /** With a network interface, and an address that routers forward. */
  ROUTABLE("a routable address"),
  /** Without an interface. */
  ROUTABLE_WITHOUT_NETDEV("a routable address without a network interface"),
  /** With an interface; the IPv4 address is private. */
  PRIVATE("a private IPv4 address"),
  /** With an interface: of an overlay network, or the address is link-local. */
  DEGRADED("a link-local address or an overlay network's interface"),
  /** Without an interface; the IPv4 address is private. */
  PRIVATE_WITHOUT_NETDEV("a private IPv4 address without a network interface"),
  /** Without an interface; the address is link-local. */
  DEGRADED_WITHOUT_NETDEV("a link-local address without a network interface"),
  /** Neither RoCE v2 nor InfiniBand: better than nothing. */
  OTHER_TYPE("a type other than RoCE v2 and InfiniBand");

  /** Interfaces that container networks make. */
  private static final Pattern OVERLAY =
      Pattern.compile("(?:flannel|cni|calico|vxlan|docker).*|tunl0");

  private final String text;

  GidRank(String text) {
    this.text = text;
  }

  /** {@return its description, as a noun} */
  public String text() {
    return text;
  }

  /**
   * {@return the rank of a row}
   *
   * @param entry whose GID is not null
   */
  public static GidRank of(GidEntry entry) {
    return switch (entry.type()) {
      case ROCE_V2, INFINIBAND -> ofAddress(entry.gid(), entry.netdev());
      case ROCE_V1, UNKNOWN -> OTHER_TYPE;
    };
  }

  private static GidRank ofAddress(Gid gid, Optional<String> netdev) {
    boolean overlay = netdev.filter(name -> OVERLAY.matcher(name).matches()).isPresent();
    if (overlay || gid.isLinkLocal()) {
      return netdev.isPresent() ? DEGRADED : DEGRADED_WITHOUT_NETDEV;
    }
    if (gid.isPrivateV4()) {
      return netdev.isPresent() ? PRIVATE : PRIVATE_WITHOUT_NETDEV;
    }
    return netdev.isPresent() ? ROUTABLE : ROUTABLE_WITHOUT_NETDEV;
  }
}
