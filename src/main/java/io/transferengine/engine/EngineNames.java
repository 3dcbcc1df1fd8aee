// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentDescriptor;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Checks the names that an engine is opened with and those that it is asked for. */
final class EngineNames {
  private EngineNames() {}

  static void requireProtocol(String protocol) {
    if (!protocol.isEmpty() && !protocol.equals("tcp") && !protocol.equals("rdma")) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "'" + protocol + "' is no protocol of this engine",
          "Accepted are 'tcp', 'rdma' and '' for the best there is");
    }
  }

  /**
   * {@return the descriptor with the data port that its engine listens on} Engines before 0.3.5 do
   * not name it: it is the one after their RPC port (protocol section 7.5).
   */
  static SegmentDescriptor withDataPort(SegmentDescriptor descriptor, HostPort rpc) {
    boolean named = descriptor.tcpDataPort() != 0 || !descriptor.offers(SegmentDescriptor.TCP);
    return named || rpc.port() == HostPort.PORT_MAX
        ? descriptor
        : descriptor.toBuilder().tcpDataPort(rpc.port() + 1).build();
  }

  /** {@return the addresses of a host, in the order in which to try them} */
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
