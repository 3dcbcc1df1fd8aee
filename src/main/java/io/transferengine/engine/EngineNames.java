// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Finds the addresses of hosts. */
final class EngineNames {
  private EngineNames() {}

  /** {@return the addresses of a host, in the order to try them} */
  static List<InetAddress> addresses(String host, boolean preferIpv6) {
    try {
      List<InetAddress> found = new ArrayList<>(List.of(InetAddress.getAllByName(host)));
      if (preferIpv6) {
        found.sort(Comparator.comparing(address -> !(address instanceof Inet6Address)));
      }
      return found;
    } catch (UnknownHostException e) {
      throw TransferException.withPeer(
          host, ErrorCode.DNS, "the host name does not resolve", "Check the name", e);
    }
  }
}
