// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.HostPort;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.function.Predicate;

/**
 * Where a peer is that was asked at one address and calls itself by another: in peer-to-peer mode a
 * segment's name is an address, but one that its owner chose. {@code localhost}, an address of
 * ours, or one of a link lead somewhere else here than there; bytes for the peer would then go to
 * whoever listens on that port of this machine. The address that answered outranks such a name.
 * Stateless.
 */
final class PeerAddresses {
  private PeerAddresses() {}

  /**
   * {@return where the peer's handshake daemon is reached}
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
