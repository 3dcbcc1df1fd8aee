// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.config.Settings;
import io.transferengine.config.TransportPolicy;
import io.transferengine.device.DeviceExports;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.tls.PeerTls;
import io.transferengine.topology.FakeMachine;
import io.transferengine.topology.Gid;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.AccessControl;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerLink;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.verbs.Context;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedVerbs;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The RDMA transport over one simulated device whose requests are complete as soon as they are
 * posted. Its only peer is itself, so that nobody has to be asked for a handshake.
 */
public final class InstantRdma implements AutoCloseable {
  private static final String DEVICE = "sim0";

  /** The one that looks like an IPv4 address. */
  private static final int GID_INDEX = 1;

  private final SimulatedFabric fabric = SimulatedFabric.instant();
  private final RdmaTransport transport;

  /**
   * A transport that is not started.
   *
   * @param segment our name, which is the peer's, too
   */
  public InstantRdma(String segment) {
    TransportContext context =
        new TransportContext(
            Settings.fromMap(Map.of()),
            TransportPolicy.DEFAULT,
            new RegionTable(),
            new EngineMetrics(),
            Topology.discovered(List.of(FakeMachine.device(DEVICE)), Path.of("/sys")),
            Optional.empty(),
            new AccessControl(Optional.empty(), new Audit(new EngineMetrics())),
            new Self(segment),
            PeerTls.off());
    SimulatedVerbs library = fabric.process("self", List.of(DEVICE));
    LocalGid gid = new LocalGid(GID_INDEX, gidOf(library));
    transport =
        new RdmaTransport(
            context,
            library,
            (name, port, index) -> List.of(gid),
            new DeviceMemory(library, new DeviceExports(), Path.of("/sys")));
  }

  private static Gid gidOf(SimulatedVerbs library) {
    try (Context device = Context.open(library, DEVICE)) {
      return Gid.of(device.queryGid(1, GID_INDEX));
    }
  }

  /** {@return the transport, to be started and stopped by the caller} */
  public Transport transport() {
    return transport;
  }

  /** Frees the fabric; the transport has been stopped. */
  @Override
  public void close() {
    List<String> violations = fabric.violations();
    fabric.close();
    if (!violations.isEmpty()) {
      throw new IllegalStateException("Verbs were misused: " + violations);
    }
  }

  /** Nobody else is there. */
  private record Self(String segmentName) implements PeerLink {
    @Override
    public String incarnation() {
      return segmentName;
    }

    @Override
    public Reply connect(String segment, HandshakeDescriptor request, Duration timeout) {
      throw nobody(segment);
    }

    @Override
    public SegmentDescriptor describe(String segment, Duration timeout) {
      throw nobody(segment);
    }

    private static TransferException nobody(String segment) {
      return new TransferException(ErrorCode.SOCKET, "There is no " + segment, "");
    }

    @Override
    public boolean leadsTo(String segment, java.net.InetAddress from) {
      return false;
    }

    @Override
    public boolean misleads(String server, java.net.InetAddress from) {
      return false;
    }

    @Override
    public void descriptionChanged() {}

    @Override
    public Optional<String> handOver(Transport from, PeerAddress peer, TransferTask task) {
      return Optional.empty();
    }
  }
}
