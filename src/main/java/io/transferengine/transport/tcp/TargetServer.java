// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.FutureListener;
import io.transferengine.events.EngineEvent;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.SystemError;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.Event;
import io.transferengine.net.Places;
import io.transferengine.os.FfmSystemCalls;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.AccessControl;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The data port: accepts peers' connections and spreads them over the event loops. Thread-safe
 * after {@link #start}.
 */
final class TargetServer {
  private static final Logger log = LoggerFactory.getLogger(TargetServer.class);

  /** Attempts at a random port of the range, as in the C++ engine. */
  private static final int BIND_ATTEMPTS_LIMIT = 500;

  /**
   * Connections that wait to be accepted, also while strangers come by the thousand: the kernel
   * drops who finds it full, and that one tries again after a second. It may cap it
   * (net.core.somaxconn).
   */
  private static final int BACKLOG = 4096;

  /**
   * Answers that may wait in a connection's queue before its next request is looked at: enough to
   * keep a socket busy, and a bound on what a peer that does not read can pin.
   */
  private static final WriteBufferWaterMark WATER_MARK =
      new WriteBufferWaterMark(512 << 10, 1 << 20);

  /**
   * Answers that the kernel may have and has not sent, because their reader is not ready for more.
   * Without it the kernel keeps megabytes for each of thousands that never read. What is on its way
   * is not in it, so a long way is filled as before; it is enough for some wake-ups of ours.
   */
  static final long KERNEL_UNSENT_BYTES = 512L << 10;

  /** How often connections are looked at for a stalled body, at the least and at the most. */
  private static final long STALL_CHECK_MILLIS_MIN = 250;

  private static final long STALL_CHECK_MILLIS_MAX = 1000;

  /** A loop takes an accepted connection within a moment, or never. */
  private static final long ARRIVAL_NANOS_MAX = TimeUnit.SECONDS.toNanos(5);

  /** How often connections are looked at while somebody waits for them to leave a range. */
  private static final long DRAIN_CHECK_MILLIS = 5;

  private final EventLoops loops;
  private final IoBackend backend;
  private final EngineMetrics metrics;
  private final TcpOptions options;
  private final PeerTls tls;
  private final TargetContext context;

  /** A line of its own, for a crowd at the door must not hide what else peers do. */
  private final WarnLimiter crowded = new WarnLimiter(log);

  private final Places places;

  /** Not where it is used, for the same reason as {@link #endOverdue} gives. */
  private static final String LOOK = "A look at a connection";

  private final VersionOneOrder order;
  private final Set<TargetConnection> connections = ConcurrentHashMap.newKeySet();
  private @Nullable Channel listener;

  /**
   * Accepted and not known to be served yet, with the time; Netty may lose them when memory runs
   * out.
   */
  private final Map<Channel, Long> arriving = new ConcurrentHashMap<>();

  private final Arrived arrived = new Arrived();

  /** Of each loop. */
  private final Map<EventExecutor, HeldBytes> held = new ConcurrentHashMap<>();

  private final AcceptedDescriptors accepted;

  /** Whether nobody was accepted at the last look; for the listener's loop. */
  private boolean paused;

  TargetServer(
      EventLoops loops,
      IoBackend backend,
      RegionTable regions,
      EngineMetrics metrics,
      AccessControl access,
      TcpOptions options,
      PeerTls tls,
      Supplier<String> incarnation,
      DeviceStaging staging) {
    this(
        loops,
        backend,
        regions,
        metrics,
        access,
        options,
        tls,
        incarnation,
        staging,
        // Other systems have not got these calls; there it is NIO.
        backend == IoBackend.EPOLL
            ? new AcceptedDescriptors(new FfmSystemCalls())
            : AcceptedDescriptors.none());
  }

  TargetServer(
      EventLoops loops,
      IoBackend backend,
      RegionTable regions,
      EngineMetrics metrics,
      AccessControl access,
      TcpOptions options,
      PeerTls tls,
      Supplier<String> incarnation,
      DeviceStaging staging,
      AcceptedDescriptors accepted) {
    this.accepted = accepted;
    this.tls = tls;
    this.loops = loops;
    this.backend = backend;
    this.context = new TargetContext(regions, metrics, access, options, incarnation, staging);
    this.metrics = metrics;
    this.options = options;
    this.places =
        new Places(
            options.inboundConnectionsLimit(),
            options.inboundConnectionsPerAddressLimit(),
            Places.REST_MIN_NANOS);
    this.order = new VersionOneOrder(metrics, options.inboundStallSeconds());
  }

  /**
   * Binds the configured port or a free one of the range.
   *
   * @throws TransferException when none can be had
   */
  void start() {
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(loops.group(), loops.group())
            .channelFactory(backend.listeners())
            // From the start: a connection may come before whoever binds hears that it listens.
            .handler(
                new ChannelInitializer<>() {
                  @Override
                  protected void initChannel(Channel listening) {
                    listening.pipeline().addLast(new Arrivals(), order.arrivals());
                  }
                })
            .option(ChannelOption.SO_BACKLOG, BACKLOG)
            .option(ChannelOption.SO_REUSEADDR, true)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .childOption(ChannelOption.AUTO_CLOSE, false)
            .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK)
            .childOption(ChannelOption.SO_KEEPALIVE, true);
    if (backend == IoBackend.EPOLL) {
      bootstrap.option(ChannelOption.RECVBUF_ALLOCATOR, accepted);
    }
    backend.keepAlive().forEach(bootstrap::childOption);
    backend.unsentLimit().ifPresent(option -> bootstrap.childOption(option, KERNEL_UNSENT_BYTES));
    listener =
        bind(
            bootstrap.childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    accept(channel);
                  }
                }));
    // A quarter of the limit: how late a stall may be seen.
    long periodMillis =
        Math.clamp(
            TimeUnit.SECONDS.toMillis(
                    Math.min(options.inboundStallSeconds(), options.inboundSilenceSeconds()))
                / 4,
            STALL_CHECK_MILLIS_MIN,
            STALL_CHECK_MILLIS_MAX);
    loops.every(
        Duration.ofMillis(periodMillis),
        "Looking for inbound connections that stand still or say nothing",
        this::endOverdue);
  }

  private Channel bind(ServerBootstrap bootstrap) {
    Throwable last = null;
    int attempts = options.dataPort() != 0 ? 1 : BIND_ATTEMPTS_LIMIT;
    for (int attempt = 0; attempt < attempts; attempt++) {
      int port =
          options.dataPort() != 0
              ? options.dataPort()
              : ThreadLocalRandom.current().nextInt(options.portMin(), options.portMax() + 1);
      InetSocketAddress address =
          options.listenAddress().isEmpty()
              ? new InetSocketAddress(port)
              : new InetSocketAddress(options.listenAddress(), port);
      if (address.isUnresolved()) {
        throw new TransferException(
            ErrorCode.DNS,
            "The listen address '" + options.listenAddress() + "' does not resolve",
            "Set TE_LISTEN_ADDRESS to an address of this machine, or leave it empty");
      }
      CompletableFuture<Channel> bound = new CompletableFuture<>();
      // On an event loop: what Netty keeps for each thread must not stay with the caller's.
      loops.next().execute(() -> bind(bootstrap, address, bound));
      try {
        return bound.join();
      } catch (CompletionException e) {
        last = e.getCause();
      }
      if (last != null && SystemError.remedyHere(last).isPresent()) {
        break; // Another port would not help.
      }
    }
    Throwable why = last == null ? new IllegalStateException("no attempt") : last;
    throw new TransferException(
        ErrorCode.SOCKET,
        "No data port could be bound, "
            + (options.dataPort() != 0
                ? "not the configured " + options.dataPort()
                : "none of " + options.portMin() + " to " + options.portMax())
            + (options.listenAddress().isEmpty() ? "" : " at " + options.listenAddress())
            + ": "
            + SystemError.text(why),
        SystemError.remedy(
            why, "Free a port, or change TE_DATA_PORT, MC_MIN_RPC_PORT, MC_MAX_RPC_PORT"),
        why);
  }

  private void bind(
      ServerBootstrap bootstrap, InetSocketAddress address, CompletableFuture<Channel> bound) {
    try {
      ChannelFutureListener told =
          done -> {
            if (done.isSuccess()) {
              bound.complete(done.channel());
            } else {
              bound.completeExceptionally(done.cause());
            }
          };
      ChannelFuture binding = bootstrap.bind(address);
      if (binding.isDone() && !binding.isSuccess()) {
        // As in Lane: no listener is told for certain of a channel that could not be made.
        throw binding.cause();
      }
      var _ = binding.addListener(told);
    } catch (Throwable t) {
      bound.completeExceptionally(t);
    }
  }

  /** {@return the listening channel, for tests} */
  @Nullable Channel listener() {
    return listener;
  }

  /** {@return how many connections of peers are open} */
  int connectionCount() {
    return connections.size();
  }

  /** {@return how many connections are accepted and not served yet, for tests} */
  int arrivals() {
    return arriving.size();
  }

  /** {@return the port bound, 0 before {@link #start}} */
  int port() {
    Channel there = listener;
    return there == null ? 0 : ((InetSocketAddress) there.localAddress()).getPort();
  }

  private final class Arrivals extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      accepted.taken();
      Channel channel = (Channel) message;
      try {
        arriving.put(channel, System.nanoTime());
        // Those that are refused are closed at once: a crowd of them must not be kept.
        var _ = channel.closeFuture().addListener(_ -> arriving.remove(channel));
      } catch (Throwable t) {
        channel.unsafe().closeForcibly();
        throw t;
      }
      context.fireChannelRead(message);
    }
  }

  /** The first handler of an accepted connection. */
  @ChannelHandler.Sharable
  private final class Arrived extends ChannelInboundHandlerAdapter {
    @Override
    public void channelActive(ChannelHandlerContext context) {
      TargetConnection made = context.pipeline().get(TargetConnection.class);
      if (made != null && connections.contains(made)) {
        arriving.remove(context.channel()); // From here on it sees to itself.
      }
      context.fireChannelActive();
    }
  }

  /** Else its peer would wait for an answer for ever. */
  private void endLost() {
    long now = System.nanoTime();
    Iterator<Map.Entry<Channel, Long>> all = arriving.entrySet().iterator();
    while (all.hasNext()) {
      Map.Entry<Channel, Long> each = all.next();
      if (now - each.getValue() > ARRIVAL_NANOS_MAX) {
        LostChannels.end(each.getKey());
        all.remove();
      }
    }
  }

  private void accept(SocketChannel channel) {
    channel.pipeline().addLast(arrived);
    InetSocketAddress from = channel.remoteAddress();
    if (from == null) {
      // It is gone already.
      var _ = channel.close();
      return;
    }
    TargetConnection connection = connection(channel.eventLoop(), from.getAddress());
    try {
      if (!enter(connection, channel)) {
        gone(connection);
        var _ = channel.close();
        return;
      }
      connections.add(connection);
      if (tls.isFor(from.getAddress())) {
        DataTls.accept(channel, tls, from.getAddress(), connection, connection::proved);
      } else {
        channel.config().setRecvByteBufAllocator(connection.newReceiveAllocator());
        backend.sendWithoutCopy(channel, context.zeroCopyBytes());
      }
      if (tls.token().isFor(from.getAddress())) {
        channel
            .pipeline()
            .addLast(new TokenDoor(connection, tls.token(), options.inboundSilenceSeconds()));
      }
      channel.pipeline().addLast(connection);
      connection.takesPlace(channel.attr(VersionOneOrder.MEMBER).get());
    } catch (Throwable t) {
      // Its end may never be told.
      gone(connection);
      throw t;
    }
  }

  private TargetConnection connection(EventExecutor loop, InetAddress from) {
    WindowPool pool = loops.pool(loop);
    StagingShare share = pool.join(from);
    try {
      return new TargetConnection(context, loop, pool, share, from, this::gone);
    } catch (Throwable t) {
      pool.leave(from, share);
      throw t;
    }
  }

  private boolean enter(TargetConnection connection, Channel channel) {
    Places.Entry entry = places.enter(connection.place());
    if (!entry.admitted()) {
      metrics.happened(
          EngineEvent.Kind.REFUSED,
          Counter.INBOUND_CONNECTIONS_REFUSED,
          SegmentDescriptor.TCP,
          channel.remoteAddress(),
          entry.full());
      crowded.warn(
          "Data connection of %s refused: %s (TE_MAX_INBOUND_CONNECTIONS %d, for one address %d)"
              .formatted(
                  channel.remoteAddress(), entry.full(), places.limit(), places.limitPerAddress()));
    } else if (entry.evicted().isPresent()) {
      metrics.happened(
          EngineEvent.Kind.LIMIT_REACHED,
          Counter.INBOUND_CONNECTIONS_EVICTED,
          SegmentDescriptor.TCP,
          channel.remoteAddress(),
          entry.full());
      crowded.warn(
          "The data connection idle for longest makes room for one of %s: %s"
              .formatted(channel.remoteAddress(), entry.full()));
    }
    return entry.admitted();
  }

  private void gone(TargetConnection connection) {
    // First: as long as it is among the connections, this is tried again after a throw.
    places.leave(connection.place());
    connections.remove(connection);
    connection.leave();
  }

  /**
   * After an accept that threw Netty accepts nobody for a second. If memory runs out when it
   * schedules the end of that, nobody would be accepted ever again.
   */
  private void acceptAgain(EventExecutor loop) {
    Channel there = listener;
    if (there == null || there.eventLoop() != loop) {
      return;
    }
    boolean accepts = there.config().isAutoRead();
    if (!accepts && paused) {
      there.config().setAutoRead(true);
    }
    paused = !accepts;
    accepted.closeLost();
    endLost();
  }

  /** Without lambdas, like all that it calls (ADR 41). */
  private void endOverdue(EventExecutor loop) {
    acceptAgain(loop);
    long now = System.nanoTime();
    Instant wallClock = tls.now();
    long queued = 0;
    for (TargetConnection connection : connections) {
      if (connection.loop() == loop) {
        try {
          connection.endIfOverdue(now);
          connection.endIfExpired(wallClock);
          queued += connection.queuedBytes();
        } catch (Throwable t) {
          Anyway.failed(log, LOOK, t);
        }
      }
    }
    HeldBytes there = held.get(loop);
    if (there == null) {
      there = new HeldBytes(metrics);
      held.put(loop, there); // Nobody else does for this loop.
    }
    there.are(queued, loops.pool(loop).bytesInUse());
  }

  private void forEachOn(EventExecutor loop, Consumer<TargetConnection> action) {
    for (TargetConnection connection : connections) {
      // Asked of the handler, not of its channel, which it may not be on yet.
      if (connection.loop() == loop) {
        action.accept(connection);
      }
    }
  }

  /**
   * {@return a future that completes when no connection moves bytes of the range any more}
   * Connections that do get {@code grace} to finish, then they are closed.
   */
  CompletableFuture<Void> drain(long start, long end, Duration grace) {
    List<CompletableFuture<Void>> drained = new ArrayList<>();
    long closeAtNanos = System.nanoTime() + grace.toNanos();
    for (EventExecutor loop : loops.all()) {
      CompletableFuture<Void> done = new CompletableFuture<>();
      drained.add(done);
      completeWhenEnded(loop, done);
      if (!LoopTasks.execute(loop, () -> drainOn(loop, start, end, closeAtNanos, done))) {
        done.complete(null);
      }
    }
    return CompletableFuture.allOf(drained.toArray(CompletableFuture[]::new));
  }

  /** A loop that ends closes its connections and forgets what it was to do later. */
  private static void completeWhenEnded(EventExecutor loop, CompletableFuture<Void> done) {
    FutureListener<Object> whenEnded = _ -> done.complete(null);
    loop.terminationFuture().addListener(whenEnded);
    var _ = done.whenComplete((_, _) -> loop.terminationFuture().removeListener(whenEnded));
  }

  private void drainOn(
      EventExecutor loop, long start, long end, long closeAtNanos, CompletableFuture<Void> done) {
    try {
      drainOnOrThrow(loop, start, end, closeAtNanos, done);
    } catch (Throwable t) {
      // Nobody knows then whether the range is in use, and nobody is to wait for an answer.
      done.completeExceptionally(t);
      throw t;
    }
  }

  private void drainOnOrThrow(
      EventExecutor loop, long start, long end, long closeAtNanos, CompletableFuture<Void> done) {
    boolean close = System.nanoTime() - closeAtNanos >= 0;
    boolean[] used = {false};
    forEachOn(
        loop,
        connection -> {
          if (connection.isUsing(start, end)) {
            used[0] = true;
            if (close) {
              if (connection.isListening()) {
                context.warn(connection.channel(), "its memory was unregistered or freed");
              }
              connection.end();
            }
          }
        });
    if (!used[0]) {
      done.complete(null);
    } else {
      var _ =
          loop.schedule(
              () -> drainOn(loop, start, end, closeAtNanos, done),
              DRAIN_CHECK_MILLIS,
              TimeUnit.MILLISECONDS);
    }
  }

  /** Accepts nobody any more and closes all connections, waiting at most so long. */
  void close(Duration timeout) {
    long endNanos = System.nanoTime() + timeout.toNanos();
    Channel there = listener;
    if (there != null) {
      there.close().awaitUninterruptibly(timeout.toMillis());
    }
    // Asked of each loop, not of the connections that are known here: the last ones accepted are
    // registered by tasks that are in its queue still. Nobody would close those, nor a loop that
    // ends.
    for (EventExecutor loop : loops.all()) {
      var _ = LoopTasks.execute(loop, () -> forEachOn(loop, TargetConnection::end));
    }
    if (options.zeroCopyBytes() > 0) {
      // A loop that ends does not wait until the kernel has let go of what it has not copied, and
      // the memory is its user's then.
      awaitKernel(endNanos);
    }
  }

  private void awaitKernel(long endNanos) {
    Event over = new Event();
    CompletableFuture<Void> drained = drain(0, Long.MAX_VALUE, Duration.ZERO);
    var _ = drained.whenComplete((_, _) -> over.happen());
    if (!over.awaitUninterruptibly(endNanos - System.nanoTime())
        || drained.isCompletedExceptionally()) {
      log.warn("Peers may still be sent what the engine has in memory");
    }
  }
}
