// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.access.PeerIdentity;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.NotifyMessage;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** An engine for the daemon's tests: keeps what it was told; fails where it is told to. */
class RecordingHandler implements HandshakeHandler {
  volatile Optional<SegmentDescriptor> descriptor = Optional.empty();
  volatile boolean failing;
  final List<NotifyMessage> notifications = new CopyOnWriteArrayList<>();
  final List<HandshakeDescriptor> connections = new CopyOnWriteArrayList<>();
  final List<PeerIdentity> peers = new CopyOnWriteArrayList<>();

  @Override
  public Optional<SegmentDescriptor> metadata() {
    fail();
    return descriptor;
  }

  @Override
  public void notify(InetAddress from, byte[] json) {
    fail();
    notifications.add(MetadataCodec.decodeNotify(json));
  }

  @Override
  public HandshakeDescriptor connection(PeerIdentity from, HandshakeDescriptor request) {
    fail();
    connections.add(request);
    peers.add(from);
    return new HandshakeDescriptor(
        request.peerNicPath(), request.localNicPath(), List.of(7L, 4_000_000_000L), 0, "gid");
  }

  private void fail() {
    if (failing) {
      throw new IllegalStateException("told to fail");
    }
  }
}
