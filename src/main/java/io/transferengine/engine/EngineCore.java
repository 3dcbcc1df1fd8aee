// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.config.TransportPolicies;
import io.transferengine.config.TransportPolicy;
import io.transferengine.device.Devices;
import io.transferengine.events.EngineEvent;
import io.transferengine.events.EngineHealth;
import io.transferengine.exposition.CountersFile;
import io.transferengine.handshake.HandshakeClient;
import io.transferengine.handshake.HandshakeDaemon;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.NativeAccess;
import io.transferengine.memory.OffHeapSource;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.WaitingThreads;
import io.transferengine.tls.PeerTls;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transport.AccessControl;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.PeerLink;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.NotifyMessage;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One engine: its memory, transports, handshake daemon and transfers, opened together and closed
 * together.
 *
 * <p>Thread-safe. {@link #submit} does not block; methods that wait for a peer say so. One daemon
 * thread checks deadlines a few times a second and prints the metrics line. All other threads here
 * wait for peers and metadata services, or are the transports' own.
 */
public final class EngineCore implements AutoCloseable, LocalMemory.Users {
  private static final Logger log = LoggerFactory.getLogger(EngineCore.class);

  /**
   * How exact deadlines are, and meters. Ten looks a second cost some 0.02 % of a core when nothing
   * runs.
   */
  private static final Duration LOOK_PERIOD = Duration.ofMillis(100);

  /** Certificates are renewed once a month, or once an hour. */
  private static final Duration CERTIFICATES_CHECK_PERIOD = Duration.ofSeconds(1);

  /** Of the file of figures; a person sees no more. */
  private static final Duration COUNTERS_PERIOD = Duration.ofSeconds(1);

  /** Its part for connections and threads. */
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(3);

  /** Its part for transfers to end, once before their connections are closed and once after. */
  private static final Duration END_TIMEOUT = Duration.ofMillis(750);

  /**
   * Questions to peers under way. Each has a thread, some 40 KiB; the others wait for their turn.
   * More than a cluster has peers, so that none waits for another that does not answer.
   */
  private static final int CALLS_LIMIT = 4096;

  /** How long canceled transfers and inbound requests may take to release memory. */
  private static final Duration CUT_OFF_WAIT = Duration.ofSeconds(5);

  private final Settings settings;
  private final EngineMetrics metrics = new EngineMetrics();
  private final Topology topology;
  private final PeerTls tls;
  private final LocalMemory memory;
  private final TransportRegistry transports;
  private final Notifications notifications;

  /** For work that waits on peers; never a caller's executor, which may be small. */
  private final Executor lookups = WaitingThreads.limited("te-task-", CALLS_LIMIT);

  /** For what {@link #lookups} wait for, and the engine's own work: it never waits for a peer. */
  private final Executor questions = WaitingThreads.pool("te-ask-");

  /**
   * Futures complete here, with what applications have attached. They may be thousands at once, and
   * nothing of the engine waits for them.
   */
  private final Executor completions =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("te-future-", 0).factory());

  private final HandshakeClient client;
  private final SegmentCache segments;
  private final SegmentRefresh refresh;
  private final Registry registry;
  private final TransferEvents events;
  private final ActiveTransfers active;
  private final EngineGauges gauges;
  private final EngineTimer timer = new EngineTimer();
  private final PeerModes modes;
  private final OwnSegment own;

  /** Null in an engine that could not be opened. No Optional: one that is open must be closed. */
  private volatile @Nullable HandshakeDaemon daemon;

  private volatile Optional<CountersFile> counters = Optional.empty();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final EngineEnd end = new EngineEnd();

  /**
   * Opens an engine. If that fails, everything opened before is closed again.
   *
   * @throws TransferException for invalid options, and if a port cannot be bound
   */
  public EngineCore(EngineOptions options) {
    this(options, TransportRegistry::builtIn, LocalTopology::of, new Devices());
  }

  /**
   * Opens an engine with other transports and devices than this machine's; for tests.
   *
   * @param providers the providers of its transports, in any order
   * @param networks the network devices that it sees
   * @param devices the devices whose memory it uses; closed with it
   */
  public EngineCore(
      EngineOptions options,
      Supplier<List<TransportProvider>> providers,
      BiFunction<String, Settings, LocalTopology> networks,
      Devices devices) {
    NativeAccess.require();
    settings = options.settings();
    List<TransportProvider> ranked = TransportRegistry.ranked(providers.get());
    List<String> names = TransportRegistry.names(ranked);
    Map<String, TransportPolicy> policies =
        TransportPolicies.of(names, options.protocol(), settings);
    LocalIdentity identity =
        options.metadataServer().equals(EngineOptions.P2P_HANDSHAKE)
            ? LocalIdentity.peerToPeer(options.localHostname(), settings)
            : LocalIdentity.stored(options.localHostname(), settings);
    LocalTopology local = networks.apply(options.deviceName(), settings);
    topology = local.topology();
    Audit audit = new Audit(metrics);
    tls = PeerTls.of(settings, options.tls(), audit);
    memory =
        new LocalMemory(
            settings.get(Options.MANAGED_MEMORY_LIMIT),
            new OffHeapSource("*", settings.get(Options.HUGE_PAGES), this::sharesMemory),
            devices,
            this);
    transports =
        TransportRegistry.create(
            ranked,
            policies,
            new TransportContext(
                settings,
                TransportPolicy.DEFAULT,
                memory.regions(),
                metrics,
                topology,
                local.problem(),
                new AccessControl(options.accessPolicy(), audit),
                new Peers(),
                tls,
                devices),
            new TransportChoice(names, options.protocol(), metrics));
    client =
        new HandshakeClient(
            Duration.ofSeconds(settings.get(Options.HANDSHAKE_CONNECT_TIMEOUT)),
            settings.get(Options.HANDSHAKE_MAX_LENGTH),
            tls,
            metrics);
    notifications = new Notifications(settings, metrics);
    modes = new PeerModes(tls);
    own = new OwnSegment(memory, transports, notifications, modes);
    segments = new SegmentCache(this::resolve, lookups, settings.get(Options.DISABLE_METACACHE));
    events = new TransferEvents(metrics.events(), settings.get(Options.SLOW_TRANSFER));
    active =
        new ActiveTransfers(
            memory,
            segments,
            metrics,
            options.executor(),
            completions,
            settings.get(Options.TRANSFER_TIMEOUT),
            settings.get(Options.SLICE_TIMEOUT),
            this::requireName,
            new CompletionNotices(metrics, this::sendCompletion)::send,
            events,
            new FirstLook(settings.get(Options.BUSY_POLL)));
    gauges = new EngineGauges(memory, active, transports);
    refresh = new SegmentRefresh(segments, lookups, lookUpTimeout());
    endsWith();
    registry =
        new Registry(options.metadataServer(), settings, client, own, questions, segments::forget);
    try {
      transports.start();
      HandshakeDaemon started =
          new HandshakeDaemon(identity.daemonOptions(settings), own, tls, metrics);
      daemon = started;
      own.open(identity.segmentName(started.port()), identity.dataHost(settings));
      registry.register(identity, started.port());
      counters =
          CountersFile.open(
              settings, own.name(), transports.names(), this::metrics, metrics::changes);
      startTimer();
    } catch (Throwable t) {
      closed.set(true);
      end.start();
      awaitEnd();
      throw t;
    }
  }

  /** Says what is closed at the end, and in which order. */
  private void endsWith() {
    // In parallel with the rest: a hanging service or a peer's request may take long.
    end.beside("the records", _ -> registry.close())
        .beside("the handshake daemon", _ -> closeDaemon())
        .then("notifications", _ -> notifications.close())
        .then("questions to peers", _ -> refresh.close())
        .then("questions to peers", _ -> client.close())
        .then("transfers", _ -> active.close())
        .then("transfers", all -> active.awaitEnd(all.atMost(END_TIMEOUT)))
        .then("transports", all -> transports.stop(all.atMost(STOP_TIMEOUT)))
        .then("transfers", all -> active.awaitEnd(all.atMost(END_TIMEOUT)))
        .then("transfers", _ -> active.abandonRest())
        .then("the timer", _ -> timer.close())
        .beside("meters", _ -> events.catchUp())
        .beside("the file of figures", _ -> closeCounters())
        .then("memory", all -> memory.close(all.left()));
  }

  private void closeDaemon() {
    HandshakeDaemon there = daemon;
    if (there != null) {
      there.close();
    }
  }

  private void closeCounters() {
    Optional<CountersFile> there = counters;
    if (there.isPresent()) {
      there.get().close();
    }
  }

  private boolean sharesMemory() {
    return transports.wantsSharedMemory();
  }

  private void requireName(String segment) {
    registry.directory().requireName(segment);
  }

  private void startTimer() {
    timer.every(LOOK_PERIOD, "Looking at deadlines", active::endOverdue);
    timer.every(LOOK_PERIOD, "Looking at meters", events::look);
    counters.ifPresent(
        file -> timer.every(COUNTERS_PERIOD, "The file of figures", file::refreshSoon));
    if (settings.get(Options.METRIC)) {
      Duration interval = Duration.ofSeconds(settings.get(Options.METRIC_INTERVAL));
      timer.every(interval, "The metrics line", new MetricsReporter(this::metrics, interval));
    }
    if (tls.isOn() || tls.token().isOn()) {
      // Made here: a method reference that is made by the look may be lost for ever (ADR 41).
      Runnable refresh = tls::refresh;
      Runnable look = () -> questions.execute(refresh);
      timer.every(CERTIFICATES_CHECK_PERIOD, "Looking at the certificate files", look);
    }
    int refreshSeconds = settings.get(Options.METADATA_REFRESH_INTERVAL);
    if (refreshSeconds > 0) {
      timer.every(Duration.ofSeconds(refreshSeconds), "Refreshing segments", refresh);
    }
  }

  // ---- requests

  /** {@return the name by which peers open our segment} */
  public String segmentName() {
    return own.name();
  }

  /** {@return the port of the handshake daemon} */
  public int rpcPort() {
    return Objects.requireNonNull(daemon, "open").port();
  }

  /** {@return the memory} */
  public LocalMemory memory() {
    return memory;
  }

  /** Gives memory back. A closing engine does that itself; then this waits for its end. */
  public void giveBack(Runnable action) {
    if (!closed.get()) {
      try {
        action.run();
        return;
      } catch (TransferException e) {
        if (!closed.get()) {
          throw e;
        }
      }
    }
    close();
  }

  /** {@return the figures so far} */
  public MetricsSnapshot metrics() {
    return metrics.snapshot(gauges.measured());
  }

  /** {@return the priority matrix of the NICs} */
  public Topology topology() {
    return topology;
  }

  /** As {@link #submit}, by a thread that waits for the end next: it may move the bytes itself. */
  public TransferHandle submitAwaited(TransferRequest request) {
    requireOpen();
    return active.submitAwaited(request);
  }

  /** Begins a transfer; does not block. Peers' errors show in its state. */
  public TransferHandle submit(TransferRequest request) {
    requireOpen();
    return active.submit(request);
  }

  /** {@return a peer's present descriptor} Waits for the peer. */
  public SegmentDescriptor describe(String segment) {
    return describe(segment, lookUpTimeout());
  }

  /** {@return a peer's present descriptor} Waits for the peer, at most {@code timeout}. */
  public SegmentDescriptor describe(String segment, Duration timeout) {
    requireOpen();
    return ControlTimeout.within(timeout, segment, time -> segments.refresh(segment, time.left()))
        .descriptor();
  }

  /**
   * {@return a peer's known descriptor} Waits for the peer if it is unknown, at most {@code
   * timeout}.
   */
  public SegmentDescriptor open(String segment, Duration timeout) {
    requireOpen();
    Duration wait = ControlTimeout.checked(timeout);
    // Others may wait for the same answer: a short wait here does not end theirs.
    Duration lookUp = wait.compareTo(lookUpTimeout()) > 0 ? wait : lookUpTimeout();
    return segments.await(segment, wait, lookUp).descriptor();
  }

  /** {@return the transports that reach a peer, the best first} */
  public List<String> transportsTo(SegmentDescriptor peer) {
    return transports.reaching(peer);
  }

  /** {@return the transports that run, the best first} */
  public List<String> transports() {
    return transports.names();
  }

  /** Looks a peer up and begins to connect. Waits for the lookup, at most {@code timeout}. */
  public void warmUp(String segment, Duration timeout) {
    open(segment, timeout);
    RemoteSegment known = segments.known(segment);
    if (known != null) {
      known.transport().warmUp(known.address());
    }
  }

  /** Asks whether a peer is alive. Waits for its answer, at most {@code timeout}. */
  public void probe(String segment, Duration timeout) {
    requireOpen();
    atPeer(segment, timeout, client::probe);
  }

  /**
   * Sends a message to a peer's application. Waits until the peer has it, at most {@code timeout}.
   */
  public void sendNotify(String segment, NotifyMessage message, Duration timeout) {
    requireOpen();
    atPeer(segment, timeout, (address, left) -> client.notify(address, message, left));
  }

  private void atPeer(String segment, Duration timeout, BiConsumer<HostPort, Duration> question) {
    boolean _ =
        ControlTimeout.within(
            timeout,
            segment,
            time -> {
              HostPort address = registry.directory().rpcAddress(segment, time.left());
              question.accept(address, time.left());
              return true;
            });
  }

  /** {@return where figures are served; empty if nobody asks for that} */
  public Optional<MetricsEndpoint> serveMetrics() {
    return MetricsEndpoint.open(settings, this::metrics, metrics, events);
  }

  /** {@return how it fares} */
  public EngineHealth health() {
    return isClosed() ? EngineHealth.closed() : HealthLook.of(transports, registry, metrics);
  }

  /** {@return the listeners to what happens here} */
  public TransferEvents events() {
    return events;
  }

  /** {@return the notifications from peers} */
  public Notifications notifications() {
    return notifications;
  }

  private void sendCompletion(String segment, NotifyMessage text) {
    sendNotify(segment, text, lookUpTimeout());
  }

  /** {@return how long a question to a peer may take if the caller does not say} */
  public Duration lookUpTimeout() {
    return Duration.ofSeconds(settings.get(Options.TRANSFER_TIMEOUT));
  }

  /** {@return whether {@link #close} was called} */
  public boolean isClosed() {
    return closed.get();
  }

  /**
   * Refuses a call if the engine is closed.
   *
   * @throws TransferException CLOSED
   */
  public void requireOpen() {
    if (closed.get()) {
      throw TransferErrors.closedEngine();
    }
  }

  // ---- peers

  private RemoteSegment resolve(String segment, Duration timeout) {
    SegmentDirectory directory = registry.directory();
    Optional<RemoteSegment> outdated = segments.outdated(segment);
    SegmentDirectory.Found found =
        outdated.isPresent()
            ? directory.findNewer(segment, outdated.get().descriptor(), timeout)
            : directory.find(segment, timeout);
    RemoteSegment inUse = segments.known(segment);
    if (inUse != null && PublicationVersion.isOlder(found.descriptor(), inUse.descriptor())) {
      metrics.increment(Counter.STALE_DESCRIPTORS);
      return inUse;
    }
    List<InetAddress> addresses =
        EngineNames.addresses(
            found.descriptor().dataHost(found.host()), settings.get(Options.USE_IPV6));
    modes.require(segment, found, addresses);
    return RemoteSegment.of(
        segment, new PeerAddress(found.descriptor(), addresses), transports.select(found));
  }

  /** What transports ask the engine. */
  private final class Peers implements PeerLink {
    @Override
    public String segmentName() {
      return own.name();
    }

    @Override
    public String incarnation() {
      return own.incarnation();
    }

    @Override
    public Reply connect(String segment, HandshakeDescriptor request, Duration timeout) {
      HandshakeClient.Connected peer =
          client.connect(registry.directory().rpcAddress(segment, timeout), request, timeout);
      return new Reply(peer.reply(), peer.from());
    }

    @Override
    public SegmentDescriptor describe(String segment, Duration timeout) {
      return registry.directory().find(segment, timeout).descriptor();
    }

    @Override
    public boolean leadsTo(String segment, InetAddress from) {
      return registry.directory().leadsTo(segment, from);
    }

    @Override
    public boolean misleads(String server, InetAddress from) {
      return registry.directory().misleads(server, from);
    }

    @Override
    public void descriptionChanged() {
      registry.changed();
    }

    @Override
    public Optional<String> handOver(Transport from, PeerAddress peer, TransferTask task) {
      return transports.handOver(from, peer, task);
    }
  }

  @Override
  public void registered(List<Region> regions) {
    transports.registerAll(regions);
    registry.changed();
    EngineGauges.tell(metrics, EngineEvent.Kind.REGISTERED, regions);
  }

  @Override
  public void unregistered(List<Region> regions) {
    try {
      transports.unregisterAll(regions);
    } finally {
      registry.changed();
    }
    EngineGauges.tell(metrics, EngineEvent.Kind.UNREGISTERED, regions);
  }

  @Override
  public void awaitPublished() {
    registry.awaitPublished();
  }

  @Override
  public boolean takes(MemoryKind kind) {
    return transports.moves(kind);
  }

  @Override
  public String shownTransports() {
    return transports.shownNames();
  }

  @Override
  public boolean drain(long start, long end, Duration grace) throws InterruptedException {
    Duration cutOffWait = closed.get() ? END_TIMEOUT : CUT_OFF_WAIT;
    var inbound = transports.drainInbound(start, end, grace);
    boolean outbound = active.drain(start, end, grace, cutOffWait);
    try {
      inbound.get(grace.plus(cutOffWait).toMillis(), TimeUnit.MILLISECONDS);
      return outbound;
    } catch (TimeoutException | java.util.concurrent.ExecutionException e) {
      return false;
    }
  }

  /**
   * Ends everything within some 5 seconds. Calls that wait return. Throws nothing. Idempotent; a
   * second caller waits for the same end.
   *
   * <p>Its own thread does the work. So an interrupt of the caller does not cut it short, and
   * nothing that libraries keep per thread stays in the caller's thread.
   */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      end.start();
    }
    awaitEnd();
  }

  private void awaitEnd() {
    if (!end.await()) {
      log.error("Closing did not end in time; it goes on in the background");
    }
  }
}
