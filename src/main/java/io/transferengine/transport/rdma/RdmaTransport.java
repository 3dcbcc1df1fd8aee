// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.access.PeerIdentity;
import io.transferengine.config.Options;
import io.transferengine.events.EngineEvent;
import io.transferengine.events.EngineHealth;
import io.transferengine.logging.Anyway;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.verbs.VerbsLibrary;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.DeviceDescriptor;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ObjLongConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves bytes over RDMA. It opens the devices, keeps our memory registered on all of them, and
 * answers peers that connect. It has an {@link RdmaPeer} for each segment that we move bytes to or
 * from.
 */
final class RdmaTransport
    implements Transport, RdmaPeer.Helper, PathConnector.Listener, DeviceMonitor.Listener {
  private static final Logger log = LoggerFactory.getLogger(RdmaTransport.class);

  /** The most segments at a time. If there are more, those without work are dropped. */
  private static final int PEERS_LIMIT = 16_384;

  private final TransportContext context;
  private final VerbsLibrary library;
  private final GidSource gidSource;
  private final RdmaSettings settings;
  private final List<RdmaDevice> devices = new ArrayList<>();
  private final List<RdmaNic> nics = new ArrayList<>();

  /** The same, once all are there; for any thread. */
  private volatile List<RdmaNic> shownNics = List.of();

  private final Registrations registrations;
  private final ControlThreads controlThreads = ControlThreads.connecting();
  private final ControlThreads endingThreads = ControlThreads.ending();

  /** Registered without us: memory of devices that our own devices do not reach. */
  private final Set<Region> lacking = ConcurrentHashMap.newKeySet();

  private final DeviceMemory deviceMemory;
  private final boolean hasCustomTopology;

  /** Devices that the matrix has where they really are; guarded by itself. */
  private final Set<MemoryKind> located = new HashSet<>();

  private volatile Topology topology;

  private final ConnectionRights rights;
  private final Handshakes handshakes;
  private final PathConnector connector;
  private final AtomicLong deviceChanges = new AtomicLong();
  private final Map<String, RdmaPeer> peers = new HashMap<>();
  private @Nullable DeviceMonitor monitor;
  private final AtomicBoolean warnedUnchecked = new AtomicBoolean();
  private final boolean checksumsAskedFor;
  private volatile boolean stopped;

  RdmaTransport(
      TransportContext context,
      VerbsLibrary library,
      GidSource gidSource,
      DeviceMemory deviceMemory) {
    this.context = context;
    this.library = library;
    this.gidSource = gidSource;
    this.deviceMemory = deviceMemory;
    this.topology = context.topology();
    this.hasCustomTopology = !context.settings().get(Options.CUSTOM_TOPO_JSON).isEmpty();
    this.settings = RdmaSettings.of(context.settings(), context.policy());
    this.checksumsAskedFor = context.settings().get(Options.CHECKSUM) != ChecksumMode.OFF;
    this.registrations = new Registrations(devices, library, settings, deviceMemory);
    this.rights = new ConnectionRights(context.access(), context.regions());
    this.handshakes =
        new Handshakes(
            nics,
            settings,
            context.peers(),
            context.metrics(),
            rights,
            () -> knownPeers().stream().map(RdmaPeer::descriptor).toList(),
            controlThreads);
    this.connector =
        new PathConnector(handshakes, context.peers(), settings, context.metrics(), this);
  }

  @Override
  public String name() {
    return SegmentDescriptor.RDMA;
  }

  List<RdmaNic> nics() {
    return nics;
  }

  Registrations registrations() {
    return registrations;
  }

  // ---- life

  @Override
  public void start() {
    TransferException first = null;
    for (String name : context.topology().deviceNames()) {
      try {
        RdmaDevice device =
            new RdmaDevice(
                library,
                name,
                nics.size(),
                settings,
                context.metrics(),
                gidSource,
                deviceMemory.arrivals());
        nics.add(new RdmaNic(device, endingThreads));
        devices.add(device);
      } catch (TransferException e) {
        log.warn("The device is left out: {}", e.getMessage());
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (nics.isEmpty()) {
      throw first != null
          ? first
          : new TransferException(
              ErrorCode.DEVICE_NOT_FOUND,
              "No RDMA device is left to open",
              "./te topology shows all devices; the device names given and MC_TE_FILTERS may"
                  + " exclude them");
    }
    nics.forEach(RdmaNic::start);
    shownNics = List.copyOf(nics);
    DeviceMonitor watching = new DeviceMonitor(nics, library, gidSource, this);
    monitor = watching;
    watching.start();
  }

  @Override
  public void stop(Duration timeout) {
    List<RdmaPeer> known;
    synchronized (peers) {
      if (stopped) {
        return;
      }
      stopped = true;
      connector.stop();
      known = List.copyOf(peers.values());
      peers.clear();
    }
    for (RdmaPeer peer : known) {
      Anyway.run(log, "Closing the way to a peer", () -> peer.close(PeerEnd.SHUTDOWN));
    }
    DeviceMonitor watching = monitor;
    if (watching != null) {
      Anyway.run(log, "Closing the device monitor", watching::close);
    }
    Anyway.run(log, "Closing control threads", controlThreads::close);
    Anyway.run(log, "Closing control threads", endingThreads::close);
    long endNanos = System.nanoTime() + timeout.toNanos();
    nics.forEach(RdmaNic::stop);
    for (RdmaNic nic : nics) {
      boolean _ = nic.awaitEnd(endNanos);
    }
    // The workers have destroyed the queue pairs. If one has not, this ends the peers' access.
    registrations.close();
    nics.forEach(RdmaNic::close);
  }

  // ---- our segment

  @Override
  public void registerAll(List<Region> regions) {
    rights.require(regions);
    try {
      locate(regions);
      registrations.registerAll(regions);
    } catch (Throwable t) {
      // Not before, since most registrations succeed; the caller ends what has failed, too.
      for (Region region : regions) {
        if (!region.kind().isHost()) {
          lacking.add(region);
        }
      }
      deviceChanges.incrementAndGet();
      throw t;
    }
  }

  /** Before peers learn of them: the matrix that they get names the network cards near them. */
  private void locate(List<Region> regions) {
    if (hasCustomTopology || regions.stream().allMatch(region -> region.kind().isHost())) {
      return;
    }
    synchronized (located) {
      topology = deviceMemory.located(topology, regions, located);
    }
  }

  @Override
  public void awaitArrivals() {
    deviceMemory.arrivals().flushAll();
  }

  @Override
  public void unregisterAll(List<Region> regions) {
    if (!lacking.isEmpty()) {
      regions.forEach(lacking::remove);
    }
    registrations.unregisterAll(regions);
  }

  /** Memory of a device may be none that the network cards reach; TCP moves it then. */
  @Override
  public boolean mayGoWithout(List<Region> regions) {
    return regions.stream().noneMatch(region -> region.kind().isHost());
  }

  /**
   * None of a kind of which a registration is not with the devices: that is for another to move.
   */
  @Override
  public boolean moves(MemoryKind local, MemoryKind peer) {
    return local.isHost()
        || lacking.isEmpty()
        || lacking.stream().noneMatch(region -> region.kind().equals(local));
  }

  @Override
  public long descriptionVersion() {
    return registrations.version() + deviceChanges.get();
  }

  @Override
  public void devicesChanged() {
    deviceChanges.incrementAndGet();
    context.peers().descriptionChanged();
  }

  @Override
  public void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
    List<RdmaDevice> shown = devices.stream().filter(device -> !device.isFailed()).toList();
    if (shown.isEmpty()) {
      return; // Then we offer only TCP.
    }
    Set<String> names = shown.stream().map(RdmaDevice::name).collect(Collectors.toSet());
    Map<String, List<List<String>>> matrix = new TreeMap<>();
    topology
        .restrictedTo(names)
        .matrix()
        .forEach(
            (location, near) -> matrix.put(location, List.of(near.preferred(), near.available())));
    descriptor
        .protocols(List.of(SegmentDescriptor.RDMA))
        .devices(
            shown.stream()
                .map(
                    device ->
                        new DeviceDescriptor(
                            device.name(), device.port().lid(), device.gid().gid().text()))
                .toList())
        .priorityMatrix(matrix)
        .rdmaServerName(settings.bindAddress().map(host -> handshakes.server()))
        .buffers(buffers(descriptor, regions, shown));
  }

  /** With keys; those that only others reach as they are, at the end. */
  private List<BufferDescriptor> buffers(
      SegmentDescriptor.Builder descriptor, List<Region> regions, List<RdmaDevice> shown) {
    List<BufferDescriptor> buffers = registrations.describe(regions, shown);
    for (Region region : regions) {
      if (!lacking.isEmpty() && lacking.contains(region)) {
        descriptor.buffers().stream()
            .filter(plain -> plain.address() == region.address())
            .forEach(buffers::add);
      }
    }
    return buffers;
  }

  /** Not memory of a peer's device that its network cards do not reach, if another can have it. */
  @Override
  public boolean takes(TransferTask task) {
    return !task.anyWithoutKeys();
  }

  @Override
  public Optional<HandshakeDescriptor> connection(PeerIdentity from, HandshakeDescriptor request) {
    if (stopped || nics.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(handshakes.answer(from, request));
  }

  // ---- peers' segments

  @Override
  public boolean reaches(SegmentDescriptor peer) {
    return peer.offers(SegmentDescriptor.RDMA) && !peer.devices().isEmpty();
  }

  /** RDMA moves bytes without us: the network cards' checks have to do. */
  private void noteUnchecked() {
    if (!checksumsAskedFor) {
      return;
    }
    context.metrics().increment(Counter.TRANSFERS_UNCHECKED);
    if (warnedUnchecked.compareAndSet(false, true)) {
      log.warn(
          "TE_CHECKSUM asks for checksums, which transfers over RDMA do not have. Set"
              + " require_crc32c to use TCP instead, or off if RDMA's own checks will do.");
    }
  }

  @Override
  public void submit(PeerAddress address, TransferTask task) {
    // A part of a batch that several transports share.
    if (!takes(task) && context.peers().handOver(this, address, task).isPresent()) {
      return;
    }
    noteUnchecked();
    RdmaPeer peer;
    try {
      peer = peer(address);
    } catch (TransferException refused) {
      task.end(TransferState.FAILED, refused, FailureCause.LOCAL);
      return;
    }
    try {
      peer.submit(task);
    } catch (Throwable t) {
      log.error("Queueing a transfer to {} failed", peer.name(), t);
      task.end(TransferState.FAILED, WorkErrors.localFault(), FailureCause.LOCAL);
    }
  }

  @Override
  public void warmUp(PeerAddress address) {
    peer(address).warmUp();
  }

  @SuppressWarnings("ReferenceEquality") // this very descriptor, not an equal one
  private RdmaPeer peer(PeerAddress address) {
    SegmentDescriptor descriptor = address.descriptor();
    RdmaPeer old;
    RdmaPeer peer;
    synchronized (peers) {
      if (stopped) {
        throw new TransferException(ErrorCode.CLOSED, "The RDMA transport is not running", "");
      }
      old = peers.get(descriptor.name());
      if (old != null && old.incarnation().equals(descriptor.incarnation())) {
        if (old.address() != address) {
          old.update(address);
        }
        return old;
      }
      RdmaPeer idle = old == null ? idleIfFull() : null;
      peer = new RdmaPeer(address, nics, registrations, () -> topology, settings, this);
      peers.put(descriptor.name(), peer);
      // Not before: one that is in no table any more and not closed yet would never be.
      if (idle != null) {
        peers.remove(idle.name());
        old = idle;
      }
    }
    if (old != null) {
      // It was restarted, or has no work.
      old.close(PeerEnd.OUTDATED);
    }
    return peer;
  }

  /** {@return one that has no work and makes room, null when there is room} */
  private @Nullable RdmaPeer idleIfFull() {
    if (peers.size() < PEERS_LIMIT) {
      return null;
    }
    for (RdmaPeer peer : peers.values()) {
      if (peer.isIdle()) {
        return peer;
      }
    }
    throw new TransferException(
        ErrorCode.TOO_MANY_REQUESTS,
        "Transfers to " + PEERS_LIMIT + " peers are under way",
        "Wait for some to end");
  }

  @Override
  public void restarted(RdmaPeer peer) {
    synchronized (peers) {
      peers.remove(peer.name(), peer);
    }
    peer.close(PeerEnd.RESTARTED);
  }

  @Override
  public List<EngineHealth.Problem> problems() {
    List<EngineHealth.Problem> found = new ArrayList<>();
    for (RdmaNic nic : shownNics) {
      if (nic.isFailed()) {
        found.add(
            new EngineHealth.Problem(
                "The RDMA device " + nic.name() + " is gone",
                "Restart the engine when it is back"));
      } else if (!nic.isUsable()) {
        found.add(
            new EngineHealth.Problem(
                "The port of the RDMA device " + nic.name() + " is down, or has no usable GID",
                "Check the link; ./te topology shows the state of the devices"));
      }
    }
    return found;
  }

  @Override
  public void measure(ObjLongConsumer<Gauge> to) {
    for (RdmaNic nic : shownNics) {
      to.accept(Gauge.RDMA_ENDPOINTS_OPEN, nic.endpoints().size());
    }
  }

  List<RdmaPeer> knownPeers() {
    synchronized (peers) {
      return List.copyOf(peers.values());
    }
  }

  @Override
  public void open(RdmaPeer peer, RdmaPath path) {
    connector.open(peer, path);
  }

  @Override
  public Optional<String> handOver(PeerAddress peer, TransferTask task) {
    Optional<String> taker = context.peers().handOver(this, peer, task);
    if (taker.isPresent()) {
      context
          .metrics()
          .happened(
              EngineEvent.Kind.FALLBACK,
              Counter.TRANSFERS_MOVED_TO_TCP,
              taker.get(),
              peer.descriptor().name(),
              "no RDMA path is open");
    }
    return taker;
  }

  @Override
  public void usable(RdmaNic nic) {
    knownPeers().forEach(peer -> peer.retryPathsNow(nic));
  }

  @Override
  public void unusable(RdmaNic nic) {
    knownPeers().forEach(peer -> peer.leave(nic));
  }

  @Override
  public CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
    // One-sided: we do not know which requests a peer has under way. Removing the keys ends them.
    return CompletableFuture.completedFuture(null);
  }
}
