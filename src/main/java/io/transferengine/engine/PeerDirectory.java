// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.handshake.HandshakeClient;
import io.transferengine.metadata.SegmentDescriptor;
import io.transferengine.metadata.SegmentNames;
import io.transferengine.transfer.HostPort;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;

/** Peer-to-peer mode: a name is an address, and its owner is asked (protocol section 6). */
final class PeerDirectory implements SegmentDirectory {
  private final Settings settings;
  private final HandshakeClient client;
  private final Supplier<SegmentDescriptor> own;

  /**
   * @param client belongs to the engine, which closes it
   * @param own our descriptor without its buffers, which goes out with each question
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
    SegmentDescriptor descriptor = answer.descriptor();
    HostPort said = address(descriptor.name());
    HostPort rpc = PeerAddresses.reachable(said, answer.from(), asked.port());
    if (!rpc.equals(said)) {
      // What it calls itself stays in its NIC paths, which it compares with its own name.
      String server = descriptor.rdmaServerName().orElse(descriptor.name());
      descriptor =
          descriptor.toBuilder().name(rpc.toString()).rdmaServerName(Optional.of(server)).build();
    }
    return new Found(EngineNames.withDataPort(descriptor, rpc), rpc.host());
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
