// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.util.concurrent.EventExecutor;
import io.transferengine.device.Devices;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.LogKeys;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerBuffers;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves bytes over TCP: a {@link TargetServer} for what peers ask of us, a {@link TcpPeer} for each
 * peer that we ask.
 */
final class TcpTransport implements Transport {
  private static final Logger log = LoggerFactory.getLogger(TcpTransport.class);

  /** Not where it is used: a text takes memory when its line runs for the first time. */
  private static final String LOOK = "A look at a lane";

  /** Peers at a time; each has a few connections. Beyond it idle ones make room. */
  private static final int PEERS_LIMIT = 16_384;

  /** How often lanes are looked at for an answer that does not come. */
  private static final long STALL_CHECK_SECONDS = 1;

  /** What makes two descriptors lead to the same data port of the same process. */
  private record PeerKey(String name, int port, WireForm form, Optional<String> incarnation) {}

  private static final class KnownPeer {
    final PeerKey key;
    final TcpPeer peer;

    /** What the latest transfer to it came with. Guarded by {@link #peers}. */
    PeerAddress latest;

    KnownPeer(PeerKey key, TcpPeer peer, PeerAddress latest) {
      this.key = key;
      this.peer = peer;
      this.latest = latest;
    }
  }

  private final TransportContext context;
  private final TcpOptions options;
  private final DeviceStaging staging;
  private final WarnLimiter unchecked = new WarnLimiter(log);
  private final Map<String, KnownPeer> peers = new HashMap<>();
  private @Nullable IoBackend backend;
  private @Nullable EventLoops loops;
  private @Nullable TargetServer server;
  private boolean stopped;

  TcpTransport(TransportContext context) {
    this.context = context;
    this.options = TcpOptions.of(context.settings());
    this.staging =
        new DeviceStaging(context.devices(), context.metrics(), options.deviceStagingBytes());
  }

  @Override
  public String name() {
    return SegmentDescriptor.TCP;
  }

  @Override
  public void start() {
    try {
      open();
    } catch (LinkageError e) {
      throw NettyLibrary.doesNotFit(e);
    }
  }

  private void open() {
    if (context.tls().isOn()) {
      BoringSsl.choose(context.tls());
    }
    IoBackend chosen = IoBackend.of(options.io());
    EventLoops started =
        new EventLoops(
            chosen,
            options.ioThreads(),
            options.busyPollNanos(),
            options.stagingBlockBytes(),
            options.stagingBytes(),
            context.metrics());
    backend = chosen;
    loops = started;
    TargetServer listening =
        new TargetServer(
            started,
            chosen,
            context.regions(),
            context.metrics(),
            context.access(),
            options,
            context.tls(),
            () -> context.peers().incarnation(),
            staging);
    server = listening;
    listening.start();
    long limitNanos = TimeUnit.SECONDS.toNanos(options.statusTimeoutSeconds());
    started.every(
        Duration.ofSeconds(STALL_CHECK_SECONDS),
        "Looking for lanes that stand still",
        loop -> endStalled(loop, limitNanos));
  }

  @Override
  public void measure(ObjLongConsumer<Gauge> to) {
    List<KnownPeer> known;
    synchronized (peers) {
      known = List.copyOf(peers.values());
    }
    for (KnownPeer entry : known) {
      for (Lane lane : entry.peer.lanes()) {
        to.accept(Gauge.LANES_OPEN, lane.isOpen() ? 1 : 0);
      }
    }
    TargetServer listening = server;
    if (listening != null) {
      to.accept(Gauge.INBOUND_CONNECTIONS_OPEN, listening.connectionCount());
    }
  }

  private void endStalled(EventExecutor loop, long limitNanos) {
    long now = System.nanoTime();
    List<KnownPeer> known;
    synchronized (peers) {
      known = List.copyOf(peers.values());
    }
    for (KnownPeer entry : known) {
      for (Lane lane : entry.peer.lanes()) {
        if (lane.loop() == loop) {
          try {
            lane.endIfStalled(now, limitNanos);
          } catch (Throwable t) {
            Anyway.failed(log, LOOK, t);
          }
        }
      }
    }
  }

  @Override
  public void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
    TargetServer listening = server;
    descriptor
        .tcpDataPort(listening == null ? 0 : listening.port())
        .tcpProtoVersion(2)
        .tcpVectorVersion(Frames.VECTOR_VERSION)
        .tcpIdentityVersion(Frames.IDENTITY_VERSION)
        .tcpChecksumVersion(Frames.CHECKSUM_VERSION);
  }

  @Override
  public String howToOffer() {
    return "Start the peer with TCP (MC_FORCE_TCP=1 for a C++ engine)";
  }

  @Override
  public boolean reaches(SegmentDescriptor peer) {
    // An rdma segment of ours has a live data port beside its devices; that of a C++ peer has 0.
    return peer.offers(SegmentDescriptor.TCP) || peer.tcpDataPort() != 0;
  }

  /** By way of slots, to and from memory of ours that is a device's; and a peer does the same. */
  @Override
  public boolean moves(MemoryKind local, MemoryKind peer) {
    return (peer.isHost() || Devices.isKnown(peer)) && (local.isHost() || staging.moves(local));
  }

  @Override
  public Optional<TransferException> whyNotMoved(MemoryKind local) {
    return staging.whyNotMoved(local);
  }

  @Override
  public void registerAll(List<Region> regions) {
    staging.register(regions);
  }

  @Override
  public void unregisterAll(List<Region> regions) {
    staging.unregister(regions);
  }

  /** Another transport may take memory that cannot be staged, such as that of a lost device. */
  @Override
  public boolean mayGoWithout(List<Region> regions) {
    return true;
  }

  @Override
  public void submit(PeerAddress address, TransferTask task) {
    Optional<TransferException> outside =
        PublishedRanges.refusal(
            address.descriptor(), WireForm.isVersion2(address.descriptor(), options), task);
    if (outside.isPresent()) {
      task.end(TransferState.FAILED, outside.get(), FailureCause.STALE_DESCRIPTOR);
      return;
    }
    TcpPeer peer;
    try {
      peer = peer(address);
    } catch (TransferException refused) {
      task.end(TransferState.FAILED, refused, FailureCause.LOCAL);
      return;
    }
    if (options.checksum() != ChecksumMode.OFF && !peer.profile().isChecked()) {
      Optional<TransferException> refusal = unchecked(peer.profile());
      if (refusal.isPresent()) {
        task.end(TransferState.FAILED, refusal.get(), FailureCause.CHECKSUM);
        return;
      }
    }
    try {
      if (DeviceStaging.isNeeded(task)) {
        // All of it goes to this one: by a later round another process may have the peer's name.
        PeerBuffers buffers = new PeerBuffers(address.descriptor().buffers());
        new StagedTask(task, buffers, staging, peer::submit).begin();
      } else {
        peer.submit(task);
      }
    } catch (Throwable t) {
      // No memory for a place in a queue.
      task.end(
          TransferState.FAILED,
          LocalFaults.ofClaim(address.descriptor().name(), t),
          FailureCause.LOCAL);
    }
  }

  /** A peer cannot have the checksums that we are to ask for; {@return why that is the end} */
  private Optional<TransferException> unchecked(PeerProfile peer) {
    String what = "it takes no requests with checksums, which TE_CHECKSUM asks for";
    String remedy =
        peer.isVersion2()
            ? "Use a Java engine of this version there"
            : "Use a Java engine of this version there, and no MC_TCP_PROTO=1 here";
    if (options.checksum() == ChecksumMode.REQUIRE_CRC32C) {
      return Optional.of(
          TransferException.withPeer(
              peer.name(), ErrorCode.CHECKSUM, what, remedy + ", or set crc32c", null));
    }
    context.metrics().increment(Counter.TRANSFERS_UNCHECKED);
    unchecked.warn(
        "Peer " + peer.name() + ": " + what + "; it is used without. " + remedy,
        LogKeys.peer(peer.name()).cause(what));
    return Optional.empty();
  }

  @Override
  public void warmUp(PeerAddress address) {
    peer(address).warmUp();
  }

  @SuppressWarnings("ReferenceEquality") // immutable: if it is the same one, nothing is new
  private TcpPeer peer(PeerAddress address) {
    SegmentDescriptor descriptor = address.descriptor();
    synchronized (peers) {
      KnownPeer known = peers.get(descriptor.name());
      if (known != null && known.latest == address) {
        return known.peer;
      }
      EventLoops running = loops;
      IoBackend chosen = backend;
      if (stopped || running == null || chosen == null) {
        throw new TransferException(ErrorCode.CLOSED, "The TCP transport is not running", "");
      }
      WireForm form = WireForm.of(descriptor, options);
      List<InetSocketAddress> addresses =
          address.addresses().stream()
              .map(ip -> new InetSocketAddress(ip, descriptor.tcpDataPort()))
              .toList();
      if (known != null
          && known.key.port == descriptor.tcpDataPort()
          && known.key.form.equals(form)
          && known.key.incarnation.equals(descriptor.incarnation())) {
        known.peer.movedTo(addresses);
        known.latest = address;
        return known.peer;
      }
      if (known != null) {
        // Another process now, or the same one under another port: nothing goes to the old one.
        known.peer.close(PeerEnd.OUTDATED);
      } else {
        makeRoom();
      }
      PeerKey key =
          new PeerKey(descriptor.name(), descriptor.tcpDataPort(), form, descriptor.incarnation());
      TcpPeer made =
          new TcpPeer(
              key.name,
              form,
              addresses,
              options,
              context.metrics(),
              context.tls(),
              running,
              chosen);
      peers.put(key.name, new KnownPeer(key, made, address));
      return made;
    }
  }

  private void makeRoom() {
    if (peers.size() < PEERS_LIMIT) {
      return;
    }
    for (KnownPeer known : peers.values()) {
      if (known.peer.isIdle()) {
        known.peer.close(PeerEnd.OUTDATED);
        peers.remove(known.key.name);
        return;
      }
    }
    throw new TransferException(
        ErrorCode.TOO_MANY_REQUESTS,
        "Transfers to " + PEERS_LIMIT + " peers are under way",
        "Wait for some to end");
  }

  /** {@return how many slots for device memory are in use, those for peers too} For tests. */
  public int slotsTaken() {
    return staging.taken();
  }

  @Override
  public CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
    TargetServer listening = server;
    return listening == null
        ? CompletableFuture.completedFuture(null)
        : listening.drain(start, end, grace);
  }

  @Override
  public void stop(Duration timeout) {
    List<KnownPeer> known;
    synchronized (peers) {
      if (stopped) {
        return;
      }
      stopped = true;
      known = List.copyOf(peers.values());
      peers.clear();
    }
    long endNanos = System.nanoTime() + timeout.toNanos();
    EventLoops running = loops;
    try {
      for (KnownPeer entry : known) {
        try {
          entry.peer.close(PeerEnd.SHUTDOWN);
        } catch (Throwable t) {
          Anyway.failed(log, "Closing the lanes to a peer", t);
        }
      }
      TargetServer listening = server;
      if (listening != null) {
        listening.close(timeout.dividedBy(3));
      }
    } finally {
      // Ends what the steps above may have left, all connections included.
      if (running != null) {
        running.close(Duration.ofNanos(Math.max(0, endNanos - System.nanoTime())));
      }
      try {
        staging.close();
      } catch (Throwable t) {
        Anyway.failed(log, "Closing the slots of devices", t);
      }
    }
  }
}
