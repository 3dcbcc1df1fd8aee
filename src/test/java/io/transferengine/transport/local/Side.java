// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.access.AccessRights;
import io.transferengine.access.PeerIdentity;
import io.transferengine.config.Settings;
import io.transferengine.config.TransportPolicy;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.Processes;
import io.transferengine.tls.PeerTls;
import io.transferengine.topology.Topology;
import io.transferengine.transport.AccessControl;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerLink;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** One engine, and the only peer that it knows. */
final class Side implements PeerLink {
  static final String NAME = "127.0.0.1:1";

  private final String incarnation;
  final CompletableFuture<TransferTask> handedOver = new CompletableFuture<>();
  final RegionTable regions = new RegionTable();
  final EngineMetrics metrics = new EngineMetrics();
  final LocalTransport transport;
  Function<HandshakeDescriptor, HandshakeDescriptor> reply = _ -> HandshakeDescriptor.EMPTY;

  /** What handing over does, one after another: nothing, or an error to throw. */
  final ArrayDeque<Optional<Error>> handOvers = new ArrayDeque<>();

  Side(String incarnation) {
    this(incarnation, TransportPolicy.DEFAULT, new LinuxProcesses());
  }

  Side(String incarnation, TransportPolicy policy, Processes processes) {
    this.incarnation = incarnation;
    transport =
        new LocalTransport(
            new TransportContext(
                Settings.fromMap(Map.of()),
                policy,
                regions,
                metrics,
                Topology.none(),
                Optional.empty(),
                new AccessControl(Optional.empty(), new Audit(metrics)),
                this,
                PeerTls.off()),
            new FfmProcessMemory(),
            processes);
    transport.start();
  }

  Region region(MemorySegment memory) {
    return region(memory, AccessRights.READ_WRITE);
  }

  Region region(MemorySegment memory, AccessRights rights) {
    Region made =
        regions
            .registerAll(new long[] {memory.address()}, new long[] {memory.byteSize()}, "*", rights)
            .getFirst();
    transport.registerAll(List.of(made));
    return made;
  }

  SegmentDescriptor descriptor(Region... snapshot) {
    SegmentDescriptor.Builder builder =
        SegmentDescriptor.builder(NAME, SegmentDescriptor.TCP)
            .incarnation(Optional.of(incarnation()))
            .buffers(
                List.of(new BufferDescriptor(NAME, snapshot[0].address(), snapshot[0].length())));
    transport.describe(builder, List.of(snapshot));
    return builder.build();
  }

  @Override
  public String segmentName() {
    return NAME;
  }

  @Override
  public String incarnation() {
    return incarnation;
  }

  @Override
  public Reply connect(String segment, HandshakeDescriptor request, Duration timeout) {
    return new Reply(reply.apply(request), PeerIdentity.unproved(InetAddress.getLoopbackAddress()));
  }

  @Override
  public SegmentDescriptor describe(String segment, Duration timeout) {
    throw new AssertionError();
  }

  @Override
  public boolean leadsTo(String segment, InetAddress from) {
    return false;
  }

  @Override
  public boolean misleads(String server, InetAddress from) {
    return false;
  }

  @Override
  public void descriptionChanged() {}

  @Override
  public synchronized Optional<String> handOver(
      Transport from, PeerAddress peer, TransferTask task) {
    Optional<Error> thrown = handOvers.removeFirst();
    if (thrown.isPresent()) {
      throw thrown.get();
    }
    handedOver.complete(task);
    return Optional.of("tcp");
  }
}
