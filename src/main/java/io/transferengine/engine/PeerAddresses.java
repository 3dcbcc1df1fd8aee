// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.HostPort;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Predicate;

/**
 * The address of a peer that answered at one address and calls itself by another. In peer-to-peer
 * mode a segment's name is an address, but its owner chose it. {@code localhost}, an address of
 * ours, or a link-local one leads elsewhere from here; bytes for the peer would go to another
 * program on that port of this machine. So the address that answered outranks such a name.
 * Stateless.
 */
final class PeerAddresses {
  private PeerAddresses() {}

  /**
   * {@return the address of the peer's handshake daemon}
   *
   * @param said the peer's name
   * @param from the address that answered
   * @param askedPort the port that it answered on
   */
  static HostPort reachable(HostPort said, InetAddress from, int askedPort) {
    InetAddress[] resolved;
    try {
      resolved = InetAddress.getAllByName(said.host());
    } catch (UnknownHostException e) {
      resolved = new InetAddress[0];
    }
    return reachable(said, resolved, from, askedPort, PeerAddresses::isOurs);
  }

  static HostPort reachable(
      HostPort said,
      InetAddress[] resolved,
      InetAddress from,
      int askedPort,
      Predicate<InetAddress> ours) {
    boolean local = means(from, ours);
    boolean misleads =
        resolved.length == 0
            || said.host().indexOf('%') >= 0
            || Arrays.stream(resolved).anyMatch(InetAddress::isLinkLocalAddress)
            || (!local && Arrays.stream(resolved).anyMatch(address -> means(address, ours)));
    return misleads ? new HostPort(AddressText.of(from), askedPort) : said;
  }

  /**
   * {@return whether a host's name leads to this machine from here, although it is another
   * machine's}
   *
   * @param from the address of the host with that name
   */
  static boolean isOurs(String host, InetAddress from) {
    InetAddress[] resolved;
    try {
      resolved = InetAddress.getAllByName(host);
    } catch (UnknownHostException e) {
      return false;
    }
    return !means(from, PeerAddresses::isOurs)
        && Arrays.stream(resolved).anyMatch(address -> means(address, PeerAddresses::isOurs));
  }

  /**
   * {@return as {@link #isOurs}, without asking a name service, since strangers choose the name}
   */
  static boolean isPlainlyOurs(String host, InetAddress from) {
    return isPlainlyOurs(host, from, PeerAddresses::isOurs);
  }

  static boolean isPlainlyOurs(String host, InetAddress from, Predicate<InetAddress> ours) {
    if (means(from, ours)) {
      return false;
    }
    String name = host.toLowerCase(Locale.ROOT);
    if (name.matches("(.*\\.)?localhost\\.?")) {
      return true;
    }
    try {
      return means(InetAddress.ofLiteral(host), ours);
    } catch (IllegalArgumentException noAddress) {
      return false;
    }
  }

  /** Whether an address leads to this machine. */
  private static boolean means(InetAddress address, Predicate<InetAddress> ours) {
    return address.isLoopbackAddress() || address.isAnyLocalAddress() || ours.test(address);
  }

  private static boolean isOurs(InetAddress address) {
    try {
      return NetworkInterface.getByInetAddress(address) != null;
    } catch (SocketException e) {
      return false;
    }
  }
}
