// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.metadata.SegmentDescriptor;
import io.transferengine.metadata.SegmentNames;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/** Checks the names that an engine is opened with and those that it is asked for. */
final class EngineNames {
  private static final String FORMS =
      "Accepted are P2PHANDSHAKE, and once built in etcd://host:port[;host:port], host:port,"
          + " http(s)://host:port/path and redis://host:port";

  private static final Set<String> SCHEMES = Set.of("etcd", "http", "https", "redis");

  private EngineNames() {}

  static void requireMetadataServer(String server) {
    if (server.equals(EngineOptions.P2P_HANDSHAKE)) {
      return;
    }
    if (server.isEmpty()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "The metadata server is empty and MC_METADATA_SERVER is not set",
          FORMS);
    }
    int scheme = server.indexOf("://");
    if (scheme >= 0) {
      if (!SCHEMES.contains(server.substring(0, scheme)) || server.length() == scheme + 3) {
        throw unknownServer(server);
      }
    } else {
      try {
        for (String endpoint : server.split("[;,]", -1)) {
          HostPort.parse(endpoint.trim());
        }
      } catch (TransferException e) {
        throw unknownServer(server);
      }
    }
    throw new TransferException(
        ErrorCode.NOT_IMPLEMENTED,
        "The metadata server '" + server + "' is of a kind that is not built in yet",
        "Use P2PHANDSHAKE, which needs no server");
  }

  private static TransferException unknownServer(String server) {
    return new TransferException(
        ErrorCode.INVALID_ARGUMENT,
        "'" + server + "' names no known kind of metadata server",
        FORMS);
  }

  /** {@return our host; in P2P mode its port means nothing, but has to be one} */
  static HostPort localHost(String name, Settings settings) {
    String advertised = settings.get(Options.ADVERTISED_HOST);
    int defaultPort = settings.get(Options.HANDSHAKE_PORT);
    HostPort given;
    try {
      given = HostPort.parse(name, defaultPort);
    } catch (TransferException e) {
      throw new TransferException(
          e.code(),
          "The local host name " + e.getMessage(),
          "A host or an address without a port is enough",
          e);
    }
    return advertised.isEmpty() ? given : new HostPort(advertised, given.port());
  }

  static void requireProtocol(String protocol) {
    if (!protocol.isEmpty() && !protocol.equals("tcp") && !protocol.equals("rdma")) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "'" + protocol + "' is no protocol of this engine",
          "Accepted are 'tcp', 'rdma' and '' for the best there is");
    }
  }

  /** {@return where a segment's handshake daemon is} Leading slashes do not count. */
  static HostPort peer(String segment, Settings settings) {
    return HostPort.parse(SegmentNames.normalize(segment), settings.get(Options.HANDSHAKE_PORT));
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
