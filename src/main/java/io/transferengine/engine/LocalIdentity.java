// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.LimitOptions;
import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.handshake.HandshakeDaemonOptions;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.MetadataKeys;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Our name and addresses in each mode (the table of protocol section 3).
 *
 * @param name the segment's name; empty if it is the host and the RPC port
 * @param host where peers reach us
 * @param rpcPort the port that the mode sets; 0 for one of the range
 */
record LocalIdentity(String name, String host, int rpcPort) {
  private static final Logger log = LoggerFactory.getLogger(LocalIdentity.class);

  /** Peer-to-peer mode: the name is an address; its port is ignored. */
  static LocalIdentity peerToPeer(String localHostname, Settings settings) {
    String host = hostOf(localHostname, settings).host();
    return new LocalIdentity("", AddressText.withoutZone(host), 0);
  }

  /** With a metadata service: the name is a word; the service has its address. */
  static LocalIdentity stored(String localHostname, Settings settings) {
    String name = MetadataKeys.requireName(localHostname);
    String advertised = settings.get(Options.ADVERTISED_HOST);
    if (settings.get(Options.LEGACY_RPC_PORT_BINDING)) {
      HostPort given = hostOf(localHostname, settings);
      return new LocalIdentity(name, AddressText.withoutZone(given.host()), given.port());
    }
    if (advertised.isEmpty()) {
      advertised = settings.get(Options.TCP_BIND_ADDRESS);
    }
    return new LocalIdentity(
        name,
        advertised.isEmpty()
            ? firstAddress(settings.get(Options.USE_IPV6))
            : AddressText.withoutZone(advertised),
        0);
  }

  private static HostPort hostOf(String localHostname, Settings settings) {
    String advertised = settings.get(Options.ADVERTISED_HOST);
    HostPort given;
    try {
      given = HostPort.parse(localHostname, settings.get(Options.HANDSHAKE_PORT));
    } catch (TransferException e) {
      throw new TransferException(
          e.code(),
          "The local host name " + e.getMessage(),
          "Give a host or an address; it needs no port",
          e);
    }
    return advertised.isEmpty() ? given : new HostPort(advertised, given.port());
  }

  /** The address of the first interface that is up and leads out of this machine. */
  private static String firstAddress(boolean ipv6) {
    List<InetAddress> found;
    try {
      found =
          NetworkInterface.networkInterfaces()
              .filter(LocalIdentity::leadsOut)
              .sorted(Comparator.comparingInt(NetworkInterface::getIndex))
              .flatMap(NetworkInterface::inetAddresses)
              .toList();
    } catch (SocketException e) {
      found = List.of();
    }
    Optional<InetAddress> chosen = choose(found, ipv6);
    if (chosen.isPresent()) {
      return AddressText.withoutZone(AddressText.of(chosen.get()));
    }
    log.warn(
        "Only the loopback interface has a usable address, so only peers on this machine can reach"
            + " this engine. MC_TCP_BIND_ADDRESS sets the address that peers are told.");
    return ipv6 ? "::1" : "127.0.0.1";
  }

  /**
   * {@return the first address of the requested family, else of the other one} Link-local addresses
   * are left out: they have no meaning beyond their link.
   */
  static Optional<InetAddress> choose(List<InetAddress> addresses, boolean ipv6) {
    List<InetAddress> usable =
        addresses.stream().filter(address -> !address.isLinkLocalAddress()).toList();
    return usable.stream()
        .filter(address -> address instanceof Inet4Address != ipv6)
        .findFirst()
        .or(() -> usable.stream().findFirst());
  }

  private static boolean leadsOut(NetworkInterface network) {
    try {
      return network.isUp() && !network.isLoopback();
    } catch (SocketException e) {
      return false;
    }
  }

  /** {@return the segment's name; needs the port} */
  String segmentName(int boundRpcPort) {
    return name.isEmpty() ? new HostPort(host, boundRpcPort).toString() : name;
  }

  /** {@return the host of the data port, if it differs from that of the RPC port} */
  String dataHost(Settings settings) {
    String advertised = AddressText.withoutZone(settings.get(Options.ADVERTISED_DATA_HOST));
    return advertised.equals(host) ? "" : advertised;
  }

  /** {@return how the handshake daemon listens} */
  HandshakeDaemonOptions daemonOptions(Settings settings) {
    int asked = settings.get(Options.RPC_PORT);
    int port = asked != 0 ? asked : rpcPort;
    return new HandshakeDaemonOptions(
        settings.get(Options.LISTEN_ADDRESS),
        port != 0 ? port : settings.get(Options.MIN_RPC_PORT),
        port != 0 ? port : settings.get(Options.MAX_RPC_PORT),
        settings.get(Options.HANDSHAKE_LISTEN_BACKLOG),
        settings.get(Options.HANDSHAKE_MAX_LENGTH),
        settings.get(LimitOptions.HANDSHAKES),
        settings.get(LimitOptions.HANDSHAKES_PER_ADDRESS),
        settings.get(LimitOptions.HANDSHAKE_PAYLOADS));
  }
}
