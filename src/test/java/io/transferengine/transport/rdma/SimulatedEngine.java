// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.access.AccessPolicy;
import io.transferengine.access.AccessRights;
import io.transferengine.access.PeerIdentity;
import io.transferengine.config.Settings;
import io.transferengine.config.TransportPolicies;
import io.transferengine.config.TransportPolicy;
import io.transferengine.device.DeviceExports;
import io.transferengine.handshake.HandshakeClient;
import io.transferengine.handshake.HandshakeDaemon;
import io.transferengine.handshake.HandshakeDaemonOptions;
import io.transferengine.handshake.HandshakeHandler;
import io.transferengine.memory.LiveBlocks;
import io.transferengine.memory.MemoryPool;
import io.transferengine.memory.MemorySource;
import io.transferengine.memory.OffHeapSource;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionRegistrar;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.tls.PeerTls;
import io.transferengine.topology.Gid;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.AccessControl;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.PeerLink;
import io.transferengine.transport.SeveralRegions;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.verbs.Context;
import io.transferengine.verbs.SimulatedVerbs;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * An RDMA transport over simulated devices, with a real handshake port on loopback: what an engine
 * is to it, and no more.
 */
final class SimulatedEngine implements AutoCloseable, PeerLink, HandshakeHandler {
  private static final Duration LOOK_UP = Duration.ofSeconds(20);

  private final RegionTable regions = new RegionTable();
  private final EngineMetrics metrics = new EngineMetrics();
  private final HandshakeClient client;
  private final HandshakeDaemon daemon;
  private final RdmaTransport transport;
  private final String incarnation;
  private final Arena arena = Arena.ofShared();
  private final ConcurrentLinkedQueue<TransferTask> handedOver = new ConcurrentLinkedQueue<>();
  private final AtomicInteger descriptionsAsked = new AtomicInteger();
  private volatile boolean takesTasks;
  private volatile String misleading = "";
  private volatile boolean closed;

  /** How a transfer ended. */
  record End(
      TransferState state, Optional<TransferException> failure, Optional<FailureCause> cause) {}

  /** A transfer under way. */
  record Started(TransferTask task, CompletableFuture<End> end) {
    End await() throws Exception {
      return end.get(60, java.util.concurrent.TimeUnit.SECONDS);
    }
  }

  /**
   * @param options as in the environment
   */
  SimulatedEngine(SimulatedVerbs verbs, List<String> devices, Map<String, String> options) {
    this(verbs, devices, options, 0);
  }

  /**
   * @param rpcPort of the handshake port; 0 for a free one
   */
  SimulatedEngine(
      SimulatedVerbs verbs, List<String> devices, Map<String, String> options, int rpcPort) {
    this(verbs, devices, options, rpcPort, Optional.empty());
  }

  /**
   * @param policy which peer may reach what
   */
  SimulatedEngine(
      SimulatedVerbs verbs,
      List<String> devices,
      Map<String, String> options,
      int rpcPort,
      Optional<AccessPolicy> policy) {
    this(
        verbs,
        devices,
        options,
        rpcPort,
        policy,
        new DeviceMemory(
            verbs, new DeviceExports(SimulatedRdmaProvider.NO_DRIVER), Path.of("/sys")));
  }

  SimulatedEngine(
      SimulatedVerbs verbs,
      List<String> devices,
      Map<String, String> options,
      int rpcPort,
      Optional<AccessPolicy> policy,
      DeviceMemory deviceMemory) {
    incarnation = Long.toHexString(System.nanoTime());
    Audit audit = new Audit(metrics);
    PeerTls tls = PeerTls.of(Settings.fromMap(options), Optional.empty(), audit);
    client = new HandshakeClient(Duration.ofSeconds(5), 16 << 20, tls);
    transport =
        new RdmaTransport(
            new TransportContext(
                Settings.fromMap(options),
                policy(Settings.fromMap(options)),
                regions,
                metrics,
                topology(devices),
                Optional.empty(),
                new AccessControl(policy, audit),
                this,
                tls),
            verbs,
            (device, port, index) -> List.of(gid(verbs, device)),
            deviceMemory);
    transport.start();
    int from = rpcPort == 0 ? 20_000 : rpcPort;
    int to = rpcPort == 0 ? 29_000 : rpcPort;
    daemon =
        new HandshakeDaemon(
            HandshakeDaemonOptions.DEFAULT.withListenAddress("127.0.0.1").withPorts(from, to),
            this,
            tls);
  }

  private static TransportPolicy policy(Settings settings) {
    return TransportPolicies.of(List.of(SegmentDescriptor.RDMA), "", settings)
        .firstEntry()
        .getValue();
  }

  private static Topology topology(List<String> devices) {
    try {
      Path file = Files.createTempFile("te-topology", ".json");
      Files.writeString(file, "{\"cpu:0\":[[\"" + String.join("\",\"", devices) + "\"],[]]}");
      Topology topology = Topology.fromCustomFile(file);
      Files.delete(file);
      return topology;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static LocalGid gid(SimulatedVerbs verbs, String device) {
    try (Context context = Context.open(verbs, device)) {
      return new LocalGid(1, Gid.of(context.queryGid(1, 1)));
    }
  }

  RdmaTransport transport() {
    return transport;
  }

  EngineMetrics metrics() {
    return metrics;
  }

  /** {@return how often another engine was asked for its descriptor} */
  int descriptionsAsked() {
    return descriptionsAsked.get();
  }

  int rpcPort() {
    return daemon.port();
  }

  /** From now on another transport takes what this one gives up. */
  void takeTasks() {
    takesTasks = true;
  }

  List<TransferTask> handedOver() {
    return new ArrayList<>(handedOver);
  }

  /** Registers new memory. */
  MemorySegment register(long bytes) {
    return register(bytes, AccessRights.READ_WRITE);
  }

  MemorySegment register(long bytes, AccessRights rights) {
    MemorySegment segment = arena.allocate(bytes, 4096);
    registerAt(segment, rights);
    return segment;
  }

  Region registerAt(MemorySegment segment) {
    return registerAt(segment, AccessRights.READ_WRITE);
  }

  Region registerAt(MemorySegment segment, AccessRights rights) {
    Region region =
        regions
            .registerAll(
                new long[] {segment.address()}, new long[] {segment.byteSize()}, "*", rights)
            .getFirst();
    return prepared(region);
  }

  /** Registers memory of a device. */
  Region registerAt(long address, long bytes, String location) {
    return prepared(regions.register(address, bytes, location));
  }

  private Region prepared(Region region) {
    try {
      transport.registerAll(List.of(region));
    } catch (Throwable t) {
      region.refuse();
      transport.unregisterAll(List.of(region));
      regions.remove(region);
      throw t;
    }
    return region;
  }

  void unregister(Region region) {
    region.refuse();
    transport.unregisterAll(List.of(region));
    regions.remove(region);
  }

  /** Managed memory, to be closed before the engine. */
  MemoryPool pool() {
    return new MemoryPool(
        1L << 30,
        new OffHeapSource("*"),
        new RegionRegistrar() {
          @Override
          public Region register(
              MemorySource.Slab slab, MemorySource source, AccessRights rights, LiveBlocks live) {
            return prepared(regions.register(slab, source, rights, live));
          }

          @Override
          public @Nullable Region leftOf(long address, LiveBlocks live) {
            return null;
          }

          @Override
          public void unregister(Region region) {
            SimulatedEngine.this.unregister(region);
          }
        });
  }

  Started write(SimulatedEngine peer, BlockColumns blocks) {
    return submit(Operation.WRITE, peer.address(), blocks);
  }

  Started read(SimulatedEngine peer, BlockColumns blocks) {
    return submit(Operation.READ, peer.address(), blocks);
  }

  Started submit(Operation operation, PeerAddress peer, BlockColumns blocks) {
    return submit(operation, peer, blocks, () -> {});
  }

  /** A write whose end is told to somebody who throws. */
  Started submitTelling(SimulatedEngine peer, BlockColumns blocks, Error thrown) {
    return submit(
        Operation.WRITE,
        peer.address(),
        blocks,
        () -> {
          throw thrown;
        });
  }

  private Started submit(
      Operation operation, PeerAddress peer, BlockColumns blocks, Runnable atEnd) {
    CompletableFuture<End> end = new CompletableFuture<>();
    TransferTask task =
        new TransferTask(
            operation,
            blocks,
            new SeveralRegions(regions.inOrder()),
            new PeerBuffers(peer.descriptor().buffers()),
            (state, failure, cause) -> {
              end.complete(
                  new End(state, Optional.ofNullable(failure), Optional.ofNullable(cause)));
              atEnd.run();
            });
    transport.submit(peer, task);
    return new Started(task, end);
  }

  /** {@return what others know of it} */
  PeerAddress address() {
    return new PeerAddress(descriptor(), List.of(InetAddress.getLoopbackAddress()));
  }

  SegmentDescriptor descriptor() {
    List<Region> published = regions.inOrder();
    List<BufferDescriptor> plain =
        published.stream()
            .map(region -> new BufferDescriptor(segmentName(), region.address(), region.length()))
            .toList();
    SegmentDescriptor.Builder builder =
        SegmentDescriptor.builder(segmentName(), SegmentDescriptor.TCP)
            .buffers(plain)
            .timestamp("2026-01-01 00:00:00.000000")
            .incarnation(Optional.of(incarnation));
    transport.describe(builder, published);
    return builder.build();
  }

  // ---- what the transport asks

  @Override
  public String incarnation() {
    return incarnation;
  }

  @Override
  @SuppressWarnings("NullAway") // asked while it is made, at the earliest
  public String segmentName() {
    @Nullable HandshakeDaemon listening = daemon;
    return listening == null ? "" : "127.0.0.1:" + listening.port();
  }

  @Override
  public Reply connect(String segment, HandshakeDescriptor request, Duration timeout) {
    HandshakeClient.Connected peer = client.connect(HostPort.parse(segment), request, timeout);
    return new Reply(peer.reply(), peer.from());
  }

  @Override
  public SegmentDescriptor describe(String segment, Duration timeout) {
    descriptionsAsked.incrementAndGet();
    return client.fetchMetadata(
        HostPort.parse(segment), descriptor().withBuffers(List.of()), LOOK_UP);
  }

  /** As in peer-to-peer mode. */
  @Override
  public boolean leadsTo(String segment, InetAddress from) {
    try {
      return InetAddress.getByName(HostPort.parse(segment).host()).equals(from);
    } catch (java.net.UnknownHostException e) {
      return false;
    }
  }

  @Override
  public boolean misleads(String server, InetAddress from) {
    return server.equals(misleading);
  }

  /** From now on this name leads to this machine, though another one bears it. */
  void misleads(String server) {
    misleading = server;
  }

  @Override
  public void descriptionChanged() {}

  @Override
  public Optional<String> handOver(Transport from, PeerAddress peer, TransferTask task) {
    if (takesTasks) {
      handedOver.add(task);
    }
    return takesTasks ? Optional.of(SegmentDescriptor.TCP) : Optional.empty();
  }

  // ---- what peers ask

  @Override
  public Optional<SegmentDescriptor> metadata() {
    return closed ? Optional.empty() : Optional.of(descriptor());
  }

  @Override
  public void notify(InetAddress from, byte[] json) {}

  @Override
  public HandshakeDescriptor connection(PeerIdentity from, HandshakeDescriptor request) {
    return transport.connection(from, request).orElseThrow();
  }

  /** Ends without an answer to anybody, as a killed process does; its verbs have to crash, too. */
  void vanish() {
    closed = true;
    daemon.close();
    client.close();
  }

  @Override
  public void close() {
    closed = true;
    daemon.close();
    client.close();
    transport.stop(Duration.ofSeconds(10));
    arena.close();
  }
}
