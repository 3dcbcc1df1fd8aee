// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.handshake.HandshakeClient;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentDescriptor;
import io.transferengine.wire.SegmentNames;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** Peer-to-peer mode: a name is an address; its owner is asked (protocol section 6). */
final class PeerDirectory implements SegmentDirectory {
  /** Only the host counts. */
  private static final int ANY_PORT = 1;

  private final Settings settings;
  private final HandshakeClient client;
  private final Supplier<SegmentDescriptor> own;

  /**
   * @param client belongs to the engine, which closes it
   * @param own our descriptor without its buffers, sent with each question
   */
  PeerDirectory(Settings settings, HandshakeClient client, Supplier<SegmentDescriptor> own) {
    this.settings = settings;
    this.client = client;
    this.own = own;
  }

  @Override
  public void requireName(String segment) {
    var _ = address(segment);
  }

  @Override
  public HostPort rpcAddress(String segment, Duration timeout) {
    return address(segment);
  }

  @Override
  public Found find(String segment, Duration timeout) {
    HostPort asked = address(segment);
    HandshakeClient.Described answer = client.ask(asked, own.get(), timeout);
    HostPort said = address(answer.descriptor().name());
    return found(answer.descriptor(), said, answer.from(), asked.port());
  }

  /**
   * A peer's descriptor, as far as it is valid from here.
   *
   * @param said the descriptor in its answer
   * @param name the name in it, as an address
   * @param from the address that answered
   * @param askedPort the port that it answered on
   */
  static Found found(SegmentDescriptor said, HostPort name, InetAddress from, int askedPort) {
    HostPort rpc = PeerAddresses.reachable(name, from, askedPort);
    // Its NIC paths keep its own name, with which it compares them.
    String server = said.rdmaServerName().orElse(said.name());
    SegmentDescriptor.Builder here = said.withDataPort(rpc.port()).toBuilder();
    if (!rpc.equals(name)) {
      here.name(rpc.toString()).rdmaServerName(Optional.of(server));
    }
    if (said.devices().isEmpty() || !PeerAddresses.isOurs(host(server), from)) {
      return new Found(here.build(), rpc.host(), Optional.empty());
    }
    // Endpoints are found by that name: they could be another peer's with the same name, or our
    // own.
    Misnamed misnamed = new Misnamed(server, here.build());
    return new Found(here.devices(List.of()).build(), rpc.host(), Optional.of(misnamed));
  }

  /** The host in a peer's name for itself; a name without a host leads nowhere. */
  private static String host(String server) {
    try {
      return HostPort.parse(SegmentNames.normalize(server), ANY_PORT).host();
    } catch (TransferException malformed) {
      return server;
    }
  }

  @Override
  public boolean misleads(String server, InetAddress from) {
    return PeerAddresses.isPlainlyOurs(host(server), from);
  }

  @Override
  public boolean leadsTo(String segment, InetAddress from) {
    return EngineNames.addresses(address(segment).host(), settings.get(Options.USE_IPV6)).stream()
        .anyMatch(address -> address.equals(from));
  }

  /** Leading slashes do not count. */
  private HostPort address(String segment) {
    return HostPort.parse(SegmentNames.normalize(segment), settings.get(Options.HANDSHAKE_PORT));
  }

  @Override
  public void close() {}
}
