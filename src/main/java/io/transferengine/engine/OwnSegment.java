// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.access.PeerIdentity;
import io.transferengine.handshake.HandshakeHandler;
import io.transferengine.memory.Region;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.security.SecureRandom;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Our own descriptor, and our answers on the handshake port. Thread-safe. */
final class OwnSegment implements HandshakeHandler {
  /** Long enough that two runs of a program never share it. */
  private static final int INCARNATION_BYTES = 8;

  private final LocalMemory memory;
  private final TransportRegistry transports;
  private final Notifications notifications;
  private final PeerModes modes;
  private final String incarnation = newIncarnation();
  private volatile String dataHost = "";
  private volatile @Nullable String name;

  /** The last descriptor, and the registrations in it. */
  private volatile @Nullable Rendered rendered;

  private record Rendered(List<Region> regions, long version, SegmentDescriptor descriptor) {}

  OwnSegment(
      LocalMemory memory,
      TransportRegistry transports,
      Notifications notifications,
      PeerModes modes) {
    this.modes = modes;
    this.memory = memory;
    this.transports = transports;
    this.notifications = notifications;
  }

  private static String newIncarnation() {
    byte[] bytes = new byte[INCARNATION_BYTES];
    new SecureRandom().nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  /**
   * {@return the number that distinguishes this engine from earlier and later ones under its name}
   */
  String incarnation() {
    return incarnation;
  }

  /**
   * Peers get an answer from now on.
   *
   * @param dataHost the host of the data port, if it differs from that of the RPC port; else empty
   */
  void open(String segmentName, String dataHost) {
    this.dataHost = dataHost;
    name = segmentName;
  }

  String name() {
    String known = name;
    return known == null ? "" : known;
  }

  /** {@return the descriptor for our questions; receivers ignore it, so it stays small} */
  SegmentDescriptor descriptorWithoutBuffers() {
    return render(List.of());
  }

  @Override
  public Optional<SegmentDescriptor> metadata() {
    if (name == null) {
      return Optional.empty();
    }
    List<Region> regions =
        memory.regions().inOrder().stream().filter(region -> !region.isRefused()).toList();
    // Read before the transports are asked: a change meanwhile then shows as an old version.
    long version = transports.descriptionVersion();
    Rendered last = rendered;
    if (last == null || last.version != version || !last.regions.equals(regions)) {
      last = new Rendered(regions, version, render(regions));
      rendered = last;
    }
    return Optional.of(last.descriptor);
  }

  private SegmentDescriptor render(List<Region> regions) {
    List<BufferDescriptor> buffers = new ArrayList<>(regions.size());
    for (Region region : regions) {
      buffers.add(
          new BufferDescriptor(name(), region.address(), region.length())
              .withRights(region.rights()));
    }
    SegmentDescriptor.Builder builder =
        SegmentDescriptor.builder(name())
            .buffers(buffers)
            .timestamp(MetadataCodec.timestamp(LocalDateTime.now(java.time.ZoneId.systemDefault())))
            .incarnation(Optional.of(incarnation))
            .tcpDataHost(dataHost)
            .tls(modes.ours());
    transports.describe(builder, regions);
    return builder.build();
  }

  @Override
  public void notify(InetAddress from, byte[] json) {
    // It may be about bytes that the peer has written: whoever fetches it looks at them.
    transports.awaitArrivals();
    notifications.add(from, json);
  }

  @Override
  public HandshakeDescriptor connection(PeerIdentity from, HandshakeDescriptor request) {
    return transports
        .connection(from, request)
        .orElseGet(() -> HandshakeDescriptor.withoutQueuePairs(name()));
  }
}
