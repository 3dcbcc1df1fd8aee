// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.access.PeerIdentity;
import io.transferengine.device.Devices;
import io.transferengine.events.EngineEvent;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.LogKeys;
import io.transferengine.logging.Printable;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.net.WaitingThreads;
import io.transferengine.os.MemoryCopy;
import io.transferengine.os.NativeCallException;
import io.transferengine.os.ProcessMemory;
import io.transferengine.os.Processes;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.Incarnations;
import io.transferengine.transport.MemoryPairs;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.HostDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Copies between the memory of processes on one machine (ADR 39). */
class LocalTransport implements Transport {
  private static final Logger log = LoggerFactory.getLogger(LocalTransport.class);

  static final String NAME = "local";

  private static final String OVER = "its process has ended, or its engine was closed";

  /** Engines that are remembered; beyond it, the one unused for longest is forgotten. */
  private static final int PEERS_LIMIT = 4096;

  private final TransportContext context;
  private final ProcessMemory memory;
  private final Processes processes;
  private final OurDevices devices;
  private final DeviceMisses misses;

  /** In the order of use. Who is forgotten and comes back gets its lease again. */
  private final Map<String, LocalPeer> peers = new LinkedHashMap<>(16, 0.75f, true);

  /** Descriptors that are remembered with their peers. A power of two. */
  private static final int KNOWN = 256;

  /** A descriptor, if it is still used, and whom it leads to. */
  private record Known(WeakReference<SegmentDescriptor> descriptor, LocalPeer peer) {}

  /** Asked for each transfer, more than once; to look in {@link #peers} takes a lock. */
  private final AtomicReferenceArray<@Nullable Known> known = new AtomicReferenceArray<>(KNOWN);

  /** Made once: it is told in full heaps, too. */
  private final Target.Witness witness = this::isLost;

  private volatile @Nullable Running running;
  private volatile boolean stopped;

  LocalTransport(TransportContext context, ProcessMemory memory, Processes processes) {
    this(context, memory, processes, new OurDevices(context.devices()));
  }

  LocalTransport(
      TransportContext context, ProcessMemory memory, Processes processes, OurDevices devices) {
    this.context = context;
    this.memory = memory;
    this.processes = processes;
    this.devices = devices;
    this.misses = new DeviceMisses(context.metrics());
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean wantsSharedMemory() {
    return true;
  }

  @Override
  public void start() {
    LeftAreas.retry();
    MemoryCopy.prepare();
    try {
      long incarnation = Incarnations.number(context.peers().incarnation()).orElseThrow();
      Area area = new Area(incarnation);
      try {
        running =
            Running.of(
                area,
                incarnation,
                context,
                memory,
                processes,
                devices,
                new Running.Callbacks(this::isOver, this::goElsewhere));
      } catch (Throwable t) {
        area.unmap();
        throw t;
      }
    } catch (NativeCallException e) {
      throw LocalFaults.noArea(e);
    }
  }

  // ---- our memory

  @Override
  public void registerAll(List<Region> regions) {
    Running now = running;
    if (now != null) {
      devices.register(regions);
      try {
        now.fences().admit(regions);
      } catch (Throwable t) {
        devices.unregister(regions);
        throw t;
      }
    }
  }

  @Override
  public void unregisterAll(List<Region> regions) {
    Running now = running;
    if (now != null) {
      now.fences().refuse(regions);
      devices.unregister(regions);
    }
  }

  @Override
  public long descriptionVersion() {
    Running now = running;
    return now == null ? 0 : now.fences().version();
  }

  @Override
  public void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
    Running now = running;
    if (now == null || stopped) {
      return;
    }
    descriptor.host(Optional.of(now.host()));
    // One that took the place of another since the buffers were listed may have other rights.
    Set<Region> described = new HashSet<>(regions);
    List<BufferDescriptor> buffers = new ArrayList<>(descriptor.buffers());
    buffers.replaceAll(
        buffer -> {
          Region region = context.regions().find(buffer.address(), buffer.lengthBytes());
          return region == null || !described.contains(region)
              ? buffer
              : described(buffer, region, now.fences().of(region));
        });
    descriptor.buffers(buffers);
  }

  /** Only a range with keys says by its name that it is a device's. */
  private static BufferDescriptor described(BufferDescriptor buffer, Region region, long fence) {
    BufferDescriptor fenced = buffer.withFence(fence);
    return region.kind().isHost() || !buffer.rkeys().isEmpty()
        ? fenced
        : fenced.withMemory(region.location());
  }

  @Override
  public Optional<HandshakeDescriptor> connection(PeerIdentity from, HandshakeDescriptor request) {
    Optional<HostDescriptor> host = request.host();
    Running now = running;
    if (host.isEmpty() || now == null) {
      return Optional.empty();
    }
    HostDescriptor peer = host.get();
    // The message is hearsay: any stranger may name any process. What it asks us for is in its own
    // area, which only processes of our user write.
    Optional<Leases.Lease> lease =
        stopped || !peer.isBeside(now.host()) || isRegistered(now, peer)
            ? Optional.empty()
            : now.areas()
                .ask(peer, request.ask(), now.incarnation())
                .flatMap(ask -> now.leases().grant(peer, ask.incarnation(), ask.number()));
    if (lease.isEmpty()) {
      context
          .metrics()
          .happened(
              EngineEvent.Kind.REFUSED,
              Counter.LOCAL_LEASES_REFUSED,
              NAME,
              from,
              "no slots for copies on one machine");
      return Optional.of(
          HandshakeDescriptor.rejection(
              "This peer gives process "
                  + peer.pid()
                  + " no slots for copies on one machine: it cannot read that process, or is not"
                  + " asked by it, or has no more"));
    }
    return Optional.of(HandshakeDescriptor.slotsAt(now.area().slots(lease.get().index())));
  }

  /** What strangers may write to is no area, whatever it looks like. That takes no look at maps. */
  private boolean isRegistered(Running now, HostDescriptor host) {
    return host.pid() == now.host().pid()
        && context.regions().find(host.area(), AreaLayout.HEADER_BYTES) != null;
  }

  @Override
  public CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
    // Peers do not ask for the copies that they have under way. unregisterAll ends them.
    return CompletableFuture.completedFuture(null);
  }

  // ---- peers' memory

  @Override
  public String howToOffer() {
    return "Start the peer on this machine, without TE_LOCAL=off";
  }

  /** May look into the peer's process, which may take long: where peers are looked up it may. */
  @Override
  public boolean reaches(SegmentDescriptor descriptor) {
    Running now = running;
    LocalPeer peer = peer(descriptor);
    if (now == null || peer == null) {
      return false;
    }
    if (peer.mustBeLookedAt(context.policy().isRequired())) {
      look(now, peer);
    }
    return peer.isUsable();
  }

  /**
   * {@return what is known of a peer, at which nobody may have looked yet; null if it is not on
   * this machine, or does not say so} Does not wait for anything.
   */
  private @Nullable LocalPeer peer(SegmentDescriptor descriptor) {
    int place = System.identityHashCode(descriptor) & KNOWN - 1;
    Known last = known.get(place);
    if (last != null && last.descriptor.refersTo(descriptor) && !stopped) {
      return last.peer;
    }
    LocalPeer found = found(descriptor);
    if (found != null) {
      known.set(place, new Known(new WeakReference<>(descriptor), found));
    }
    return found;
  }

  private @Nullable LocalPeer found(SegmentDescriptor descriptor) {
    Optional<HostDescriptor> host = descriptor.host();
    OptionalLong incarnation = Incarnations.number(descriptor.incarnation().orElse(""));
    Running now = running;
    if (now == null || stopped || host.isEmpty() || incarnation.isEmpty()) {
      return null;
    }
    if (!host.get().bootId().equals(now.host().bootId())) {
      return null;
    }
    String name = descriptor.name();
    synchronized (peers) {
      LocalPeer last = peers.get(name);
      if (last != null && last.is(incarnation.getAsLong(), host.get())) {
        return last;
      }
      LocalPeer made = new LocalPeer(name, incarnation.getAsLong(), host.get());
      if (last == null && peers.size() >= PEERS_LIMIT) {
        var _ = peers.remove(peers.keySet().iterator().next());
      }
      peers.put(name, made);
      return made;
    }
  }

  /** Two threads may look at once; both find the same. */
  private void look(Running now, LocalPeer peer) {
    Optional<String> problem = problem(now, peer.host(), peer.incarnation());
    peer.looked(problem.isEmpty());
    problem.ifPresent(why -> isMissed(peer, why));
  }

  private Optional<String> problem(Running now, HostDescriptor host, long incarnation) {
    if (isRegistered(now, host)) {
      return Optional.of("its area is said to be in memory that this process has registered");
    }
    return host.isBeside(now.host())
        ? now.areas().problem(host, incarnation)
        : Optional.of(
            "it is in another pid namespace; start its container with the host's, or in the same"
                + " pod with shareProcessNamespace");
  }

  @Override
  public void measure(ObjLongConsumer<Gauge> to) {
    synchronized (peers) {
      for (LocalPeer peer : peers.values()) {
        to.accept(Gauge.LOCAL_PEERS_OPEN, peer.isOpen() ? 1 : 0);
      }
    }
  }

  private void isMissed(LocalPeer peer, String why) {
    if (!peer.isNewlyMissed()) {
      return;
    }
    context
        .metrics()
        .happened(EngineEvent.Kind.FALLBACK, Counter.LOCAL_PEERS_MISSED, "", peer.name(), why);
    LogKeys.peer(peer.name())
        .cause(why)
        .on(log.atInfo())
        .log(
            "{} is on this machine, but reached over the network: {}.",
            Printable.of(peer.name(), 300),
            Printable.of(why, 1000));
  }

  /** It may be that none of the blocks is where the peer has entries. */
  @Override
  public boolean takes(TransferTask task) {
    return !task.anyWithoutFence();
  }

  /**
   * What a device has is copied by devices of ours: the peer's is opened here, and host memory
   * passes through a slot.
   */
  @Override
  public boolean moves(MemoryKind local, MemoryKind peer) {
    return local.isHost()
        ? peer.isHost() || (Devices.isKnown(peer) && devices.copiesForHost())
        : (peer.isHost() || Devices.isKnown(peer)) && devices.moves(local);
  }

  @Override
  public void isPassedOver(PeerAddress peer, TransferTask task) {
    if (task.blockOutsideBuffers() >= 0) {
      return; // What is known of the peer is old: it is asked again.
    }
    misses.missed(
        peer.descriptor().name(),
        task.pairs().notMoved(this::moves).isPresent()
            ? whyNotMoved(task)
            : "some of its memory has no handle by which it can be opened here");
  }

  private String whyNotMoved(TransferTask task) {
    for (MemoryPairs.Pair each : task.pairs().pairs()) {
      if (each.local().isHost()
          && Devices.isKnown(each.peer())
          && !moves(each.local(), each.peer())) {
        return DeviceCopier.NO_DEVICE;
      }
    }
    return "some of its memory is of a device that this process cannot use";
  }

  @Override
  public void submit(PeerAddress address, TransferTask task) {
    Running now = running;
    LocalPeer peer = peer(address.descriptor());
    if (now == null || peer == null) {
      goElsewhere(address, task, LocalFaults.closed());
      return;
    }
    if (!mayBeReachable(peer)) {
      goElsewhere(address, task, LocalFaults.noLease(peer.name()));
      return;
    }
    if (!takes(task) && context.peers().handOver(this, address, task).isPresent()) {
      return; // A part of a batch that several transports share.
    }
    Optional<Target> open = peer.target();
    if (open.isPresent()) {
      start(now, open.get(), address, task);
      return;
    }
    try {
      if (peer.await(new LocalPeer.Waiting(address, task))) {
        askOnce(now, peer);
        return;
      }
    } catch (Throwable t) {
      now.copies().fail(task, "Queueing a transfer to {} failed", peer.name(), t);
      return;
    }
    // Decided in the moment between two questions.
    peer.target()
        .ifPresentOrElse(
            target -> start(now, target, address, task),
            () -> goElsewhere(address, task, LocalFaults.noLease(peer.name())));
  }

  @Override
  public void warmUp(PeerAddress address) {
    Running now = running;
    LocalPeer peer = peer(address.descriptor());
    if (now != null && peer != null && mayBeReachable(peer)) {
      askOnce(now, peer);
    }
  }

  /** If nobody has looked lately, who asks for the lease looks first: it may wait. */
  private boolean mayBeReachable(LocalPeer peer) {
    return peer.isReachable() || peer.mustBeLookedAt(context.policy().isRequired());
  }

  /** On a thread of its own; not more of them look and ask at once than there are places. */
  private void askOnce(Running now, LocalPeer peer) {
    if (!peer.mustAsk()) {
      return;
    }
    int place = now.held().takePlace();
    if (place < 0) {
      isRefused(now, peer);
      return;
    }
    try {
      var _ = WaitingThreads.start("te-local-lease", () -> ask(now, peer, place));
    } catch (Throwable noThread) {
      now.held().givePlaceBack(place);
      isRefused(now, peer);
      throw noThread;
    }
  }

  private void ask(Running now, LocalPeer peer, int place) {
    Target target;
    try {
      HeldLease lease = lease(now, peer, place);
      PeerMap map = now.maps().of(peer.name(), peer.host(), peer.incarnation());
      target =
          new Target(
              peer.name(), lease, map, now.maps().pools(map), now.maps().imports(map), witness);
      context
          .metrics()
          .happened(
              EngineEvent.Kind.PATH_UP,
              Counter.LOCAL_PEERS,
              NAME,
              peer.name(),
              "its memory is copied");
      peer.opened(target);
    } catch (Throwable t) {
      // First: in a full heap the log throws as well.
      isRefused(now, peer);
      Anyway.run(
          log, "Reporting a missed peer", () -> isMissed(peer, String.valueOf(t.getMessage())));
      return;
    }
    for (var each = peer.nextWaiting(); each != null; each = peer.nextWaiting()) {
      start(now, target, each.peer(), each.task());
    }
  }

  private void isLost(Target target, String why) {
    context
        .metrics()
        .happened(EngineEvent.Kind.PATH_DOWN, Counter.LOCAL_PEERS_LOST, NAME, target.name(), why);
  }

  /** The engine of an area has ended, or is about to be forgotten because its process has. */
  @SuppressWarnings("ReferenceEquality") // this very one, not one like it
  private void isOver(PeerMap map) {
    List<LocalPeer> all;
    synchronized (peers) {
      all = List.copyOf(peers.values());
    }
    for (LocalPeer each : all) {
      Target open = each.target().orElse(null);
      if (open != null && open.map() == map) {
        open.markLost(OVER);
      }
    }
  }

  private HeldLease lease(Running now, LocalPeer peer, int place) {
    try {
      if (!peer.isReachable()) {
        look(now, peer);
      }
      if (!peer.isReachable()) {
        throw LocalFaults.noLease(peer.name());
      }
      return now.requests().ask(peer, place);
    } finally {
      now.held().givePlaceBack(place);
    }
  }

  @SuppressWarnings("ReferenceEquality") // that of nearly all tasks, without a look at it
  private static void start(Running now, Target target, PeerAddress peer, TransferTask task) {
    try {
      if (task.pairs() == MemoryPairs.hostOnly()) {
        now.copies().start(target, task);
      } else {
        now.deviceCopies().start(target, peer, task);
      }
    } catch (Throwable t) {
      now.copies().fail(task, "Queueing a transfer to {} failed", target.name(), t);
    }
  }

  /** There are no slots for now. Where no other transport may be used, a minute is too long. */
  private void isRefused(Running now, LocalPeer peer) {
    if (!context.policy().isRequired() || stopped) {
      peer.refused();
      settleWaiting(now, peer);
      return;
    }
    do {
      settleWaiting(now, peer);
    } while (!peer.mayBeAskedAgain());
  }

  private void settleWaiting(Running now, LocalPeer peer) {
    for (var each = peer.nextWaiting(); each != null; each = peer.nextWaiting()) {
      try {
        goElsewhere(each.peer(), each.task(), LocalFaults.noLease(peer.name()));
      } catch (Throwable t) {
        now.copies()
            .fail(
                each.task(), "Giving a transfer to {} to another transport failed", peer.name(), t);
      }
    }
  }

  /** Memory of devices cannot be copied. */
  private void goElsewhere(PeerAddress peer, TransferTask task, String why) {
    String name = peer.descriptor().name();
    misses.missed(name, why);
    goElsewhere(peer, task, LocalFaults.notCopied(name, why));
  }

  private void goElsewhere(PeerAddress peer, TransferTask task, TransferException why) {
    if (stopped || context.peers().handOver(this, peer, task).isEmpty()) {
      task.end(TransferState.FAILED, why, stopped ? FailureCause.SHUTDOWN : FailureCause.CONNECT);
    }
  }

  @Override
  public void stop(Duration timeout) {
    Running now = running;
    if (stopped || now == null) {
      return;
    }
    long endNanos = System.nanoTime() + timeout.toNanos();
    // Made before the first step: a lambda takes memory.
    Runnable refusing = () -> refuseAll(now);
    Runnable copying = () -> now.copies().stop(timeout.dividedBy(2));
    Runnable copyingDevices = () -> now.deviceCopies().stop(timeout.dividedBy(4));
    Runnable fencing = () -> now.end(endNanos, devices);
    stopped = true;
    Anyway.run(log, "Giving up what waits for slots at peers", refusing);
    Anyway.run(log, "Ending the copy threads", copying);
    Anyway.run(log, "Ending the threads that copy on devices", copyingDevices);
    Anyway.run(log, "Ending the copies of peers", fencing);
  }

  private void refuseAll(Running now) {
    List<LocalPeer> known;
    synchronized (peers) {
      known = List.copyOf(peers.values());
      peers.clear();
    }
    known.forEach(peer -> isRefused(now, peer));
  }
}
