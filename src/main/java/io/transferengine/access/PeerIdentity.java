// SPDX-License-Identifier: Apache-2.0
package io.transferengine.access;

import java.net.InetAddress;
import java.util.List;
import java.util.Objects;

/**
 * Who a peer is, as far as we know: the address that its connection came from, and the names that
 * it has proved. Immutable.
 *
 * <p>A name is here only if the peer has proved it on this connection, for example as a subject
 * alternative name of its certificate. What a peer merely says of itself, such as the name of its
 * segment, is not here. The address is no proof: where networks can be entered by others, it can be
 * somebody else's.
 */
public final class PeerIdentity {
  private final InetAddress address;
  private final List<String> names;

  private PeerIdentity(InetAddress address, List<String> names) {
    this.address = Objects.requireNonNull(address, "address must not be null");
    this.names = List.copyOf(Objects.requireNonNull(names, "names must not be null"));
  }

  /**
   * {@return a peer of which only the address is known}
   *
   * @param address that its connection came from
   */
  public static PeerIdentity unproved(InetAddress address) {
    return new PeerIdentity(address, List.of());
  }

  /**
   * {@return a peer that has proved names}
   *
   * @param address that its connection came from
   * @param names that it has proved, in the order in which its proof has them; not empty
   * @throws IllegalArgumentException without a name
   */
  public static PeerIdentity proved(InetAddress address, List<String> names) {
    if (names.isEmpty()) {
      throw new IllegalArgumentException("A peer that has proved something has a name");
    }
    return new PeerIdentity(address, names);
  }

  /** {@return the address that its connection came from} */
  public InetAddress address() {
    return address;
  }

  /** {@return the names that it has proved; empty if it has proved none} */
  public List<String> names() {
    return names;
  }

  /** {@return whether it has proved who it is} */
  public boolean isProved() {
    return !names.isEmpty();
  }

  /** Two are equal if address and names are. */
  @Override
  public boolean equals(Object other) {
    return other instanceof PeerIdentity that
        && address.equals(that.address)
        && names.equals(that.names);
  }

  @Override
  public int hashCode() {
    return Objects.hash(address, names);
  }

  /** {@return its names and its address, for people} */
  @Override
  public String toString() {
    String host = address.getHostAddress();
    return names.isEmpty() ? host : String.join(", ", names) + " at " + host;
  }
}
