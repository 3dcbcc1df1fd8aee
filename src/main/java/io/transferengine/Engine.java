// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.access.AccessRights;
import io.transferengine.engine.EngineCore;
import io.transferengine.engine.MetricsEndpoint;
import io.transferengine.engine.MovedByCaller;
import io.transferengine.engine.TransferHandle;
import io.transferengine.events.EngineHealth;
import io.transferengine.events.EngineListener;
import io.transferengine.memory.Region;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.transfer.NativeMemory;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.wire.NotifyMessage;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The typed API. Its methods throw {@link TransferException} on misuse and when a call to a peer
 * fails. The data path does not throw: each {@link Transfer} reaches exactly one terminal state.
 *
 * <p>Thread-safe. {@link #submit} does not block; the methods that wait for a peer say so. After
 * {@link #close()} every method throws.
 */
public final class Engine implements AutoCloseable {
  private final EngineCore core;
  private final Optional<MetricsEndpoint> figures;

  private Engine(EngineCore core) {
    this.core = core;
    this.figures = core.serveMetrics();
  }

  /**
   * Opens an engine. Its ports listen when this returns.
   *
   * @param config its options
   * @return the engine, to be closed by the caller
   * @throws TransferException if the host, metadata server or protocol is invalid, no port can be
   *     bound, or a library is missing that an option needs
   */
  public static Engine open(EngineConfig config) {
    Objects.requireNonNull(config, "config must not be null");
    EngineCore core = new EngineCore(config.options());
    try {
      return new Engine(core);
    } catch (Throwable t) {
      core.close();
      throw t;
    }
  }

  EngineCore core() {
    return core;
  }

  /** {@return the name by which peers open our segment; {@code host:port} in peer-to-peer mode} */
  public String segmentName() {
    return core.segmentName();
  }

  /** {@return the port of our handshake daemon} */
  public int rpcPort() {
    return core.rpcPort();
  }

  /**
   * Allocates registered memory, which peers may read and write.
   *
   * @param lengthBytes above 0
   * @return the memory, valid until it or the engine is closed
   * @throws TransferException if no memory is left, or the length is not positive
   */
  public Allocation allocate(long lengthBytes) {
    return allocate(lengthBytes, AccessRights.READ_WRITE);
  }

  /**
   * Allocates registered memory, and says what peers may do with it. Our own transfers may use it
   * either way.
   *
   * <p>Memory of each kind of rights is taken from the system in pieces of its own, of 64 MiB and
   * more. The limit ({@code TE_MANAGED_MEMORY_LIMIT_BYTES}) is one for all of them.
   *
   * @param lengthBytes above 0
   * @param rights what peers may do
   * @return as {@link #allocate(long)}
   * @throws TransferException as {@link #allocate(long)}
   */
  public Allocation allocate(long lengthBytes, AccessRights rights) {
    Objects.requireNonNull(rights, "rights must not be null");
    core.requireOpen();
    MemorySegment block = core.memory().allocate(lengthBytes, rights);
    try {
      return new Allocation(core, block, lengthBytes, "*", rights);
    } catch (Throwable t) {
      core.memory().free(block.address(), lengthBytes);
      throw t;
    }
  }

  /**
   * Allocates registered memory of a CUDA device, which peers may read and write.
   *
   * @param ordinal which device, from 0, as this process counts them ({@code CUDA_VISIBLE_DEVICES})
   * @param lengthBytes above 0
   * @return the memory, valid until it or the engine is closed
   * @throws TransferException if there is no such device, it has no memory left, or the length is
   *     not positive
   */
  public Allocation allocateDevice(int ordinal, long lengthBytes) {
    return allocateDevice(ordinal, lengthBytes, AccessRights.READ_WRITE);
  }

  /**
   * Allocates registered memory of a CUDA device, and says what peers may do with it.
   *
   * <p>It is taken from the device in pieces of 64 MiB and more, as long as there is room for them;
   * each kind of rights has its own. An empty piece goes back to the device, but for one of 64 MiB.
   *
   * @param ordinal as {@link #allocateDevice(int, long)}
   * @param lengthBytes above 0
   * @param rights what peers may do; the engine's own transfers may use it either way
   * @return as {@link #allocateDevice(int, long)}
   * @throws TransferException as {@link #allocateDevice(int, long)}
   */
  public Allocation allocateDevice(int ordinal, long lengthBytes, AccessRights rights) {
    Objects.requireNonNull(rights, "rights must not be null");
    core.requireOpen();
    String location = "cuda:" + ordinal;
    MemorySegment block = core.memory().allocate(lengthBytes, location, rights);
    try {
      return new Allocation(core, block, lengthBytes, location, rights);
    } catch (Throwable t) {
      core.memory().free(block.address(), lengthBytes);
      throw t;
    }
  }

  /**
   * Registers the caller's own memory.
   *
   * @param memory native and writable (peers may write to it). The engine keeps it reachable until
   *     it is unregistered; its arena must stay open that long. Memory of a confined arena can be
   *     registered only by the arena's own thread; the engine's threads use it by its address
   * @return the registration
   * @throws TransferException for a heap, read-only or empty segment, for one of another thread's
   *     confined arena, and for one that overlaps another registration, which is named
   */
  public Registration register(MemorySegment memory) {
    return register(memory, RegistrationOptions.DEFAULT);
  }

  /**
   * Registers the caller's own memory, and says where it is.
   *
   * @param memory as {@link #register(MemorySegment)}
   * @param location as {@link RegistrationOptions#withLocation} says
   * @return the registration
   * @throws TransferException as {@link #register(MemorySegment)}
   */
  public Registration register(MemorySegment memory, String location) {
    return register(memory, RegistrationOptions.DEFAULT.withLocation(location));
  }

  /**
   * Registers the caller's own memory, with options.
   *
   * @param memory as {@link #register(MemorySegment)}. It must be writable whatever peers may do
   * @param options where it is, and what peers may do with it
   * @return the registration
   * @throws TransferException as {@link #register(MemorySegment)}
   */
  public Registration register(MemorySegment memory, RegistrationOptions options) {
    Objects.requireNonNull(memory, "memory must not be null");
    Objects.requireNonNull(options, "options must not be null");
    core.requireOpen();
    return registration(
        core.memory()
            .registerSegment(
                NativeMemory.destination(memory), options.location(), options.rights()));
  }

  /**
   * Registers the bytes between a direct buffer's position and its limit.
   *
   * @param memory direct and writable. The engine keeps it reachable until it is unregistered
   * @return the registration
   * @throws TransferException as {@link #register(MemorySegment)}
   */
  public Registration register(ByteBuffer memory) {
    return register(memory, RegistrationOptions.DEFAULT);
  }

  /**
   * Registers the bytes between a direct buffer's position and its limit, with options.
   *
   * @param memory as {@link #register(ByteBuffer)}
   * @param options where it is, and what peers may do with it
   * @return the registration
   * @throws TransferException as {@link #register(MemorySegment)}
   */
  public Registration register(ByteBuffer memory, RegistrationOptions options) {
    Objects.requireNonNull(memory, "memory must not be null");
    return register(NativeMemory.destination(memory), options);
  }

  /**
   * Registers memory by its address.
   *
   * @param address of the first byte
   * @param length in bytes, above 0
   * @param location as {@link RegistrationOptions#withLocation} says. Host memory must be mapped
   *     readable and writable
   * @return the registration
   * @throws TransferException for a range that is empty, not mapped or overlaps another one; for
   *     device memory if there is no such device, or it is not memory of that one
   */
  public Registration register(long address, long length, String location) {
    return register(address, length, RegistrationOptions.DEFAULT.withLocation(location));
  }

  /**
   * Registers memory by its address, with options.
   *
   * @param address of the first byte
   * @param length in bytes, above 0
   * @param options where it is, and what peers may do with it. Host memory must be mapped readable
   *     and writable whatever peers may do
   * @return the registration
   * @throws TransferException for a range that is empty, not mapped or overlaps another one
   */
  public Registration register(long address, long length, RegistrationOptions options) {
    Objects.requireNonNull(options, "options must not be null");
    core.requireOpen();
    return registration(
        core.memory().register(address, length, options.location(), options.rights()));
  }

  private Registration registration(Region region) {
    try {
      return new Registration(core, region);
    } catch (Throwable t) {
      core.memory().unregister(region.address());
      throw t;
    }
  }

  /**
   * Opens a peer's segment. Waits for the peer if it is not known yet, at most as long as the
   * engine's transfers may take ({@code MC_TRANSFER_TIMEOUT}).
   *
   * @param name in peer-to-peer mode {@code host:port} of its handshake daemon, else the name that
   *     it registered
   * @return the segment
   * @throws TransferException if the peer cannot be reached
   */
  public Segment openSegment(String name) {
    return openSegment(name, core.lookUpTimeout());
  }

  /**
   * Opens a peer's segment. Waits for the peer no longer than {@code timeout}.
   *
   * @param name as {@link #openSegment(String)}
   * @param timeout how long to wait at most, above zero
   * @return the segment
   * @throws TransferException if the peer cannot be reached; TIMEOUT if it did not answer in time
   */
  public Segment openSegment(String name, Duration timeout) {
    Objects.requireNonNull(name, "name must not be null");
    Objects.requireNonNull(timeout, "timeout must not be null");
    return new Segment(core, name, core.open(name, timeout));
  }

  /**
   * Looks a peer up and begins to connect to it, so that the first transfer does not have to. Waits
   * for the lookup, as {@link #openSegment(String)} does.
   *
   * @param name the segment
   * @throws TransferException if the peer cannot be reached
   */
  public void warmUp(String name) {
    warmUp(name, core.lookUpTimeout());
  }

  /**
   * As {@link #warmUp(String)}, but waits for the lookup no longer than {@code timeout}.
   *
   * @param name the segment
   * @param timeout how long to wait at most, above zero
   * @throws TransferException if the peer cannot be reached; TIMEOUT if it did not answer in time
   */
  public void warmUp(String name, Duration timeout) {
    Objects.requireNonNull(name, "name must not be null");
    Objects.requireNonNull(timeout, "timeout must not be null");
    core.warmUp(name, timeout);
  }

  /**
   * Begins a transfer; does not block. If the peer refuses it, the transfer's state says so.
   *
   * @param request what to move
   * @return its handle
   * @throws TransferException if a local range is not registered or managed here, or too many
   *     transfers are under way
   */
  public Transfer submit(TransferRequest request) {
    Objects.requireNonNull(request, "request must not be null");
    return new Transfer(begin(request));
  }

  /**
   * Moves bytes, and waits for the end: as {@link #submit} and {@link Transfer#await} behind it,
   * but this thread may move them itself. Up to half a MiB is mostly there sooner, since nobody has
   * to be woken for it.
   *
   * @param request what to move
   * @return its handle; its state says how it has ended
   * @throws TransferException as {@link #submit}
   * @throws InterruptedException if this thread is interrupted; then the transfer has ended, by a
   *     cancel unless it was faster, and its memory is the caller's again
   */
  public Transfer submitAndAwait(TransferRequest request) throws InterruptedException {
    Objects.requireNonNull(request, "request must not be null");
    return new Transfer(move(request));
  }

  /** As {@link #submitAndAwait}, for those who give callers the outcome. */
  TransferHandle move(TransferRequest request) throws InterruptedException {
    return MovedByCaller.move(core, request);
  }

  /** As {@link #submit}, for those who give callers a number, or the outcome. */
  TransferHandle begin(TransferRequest request) {
    return core.submit(request);
  }

  /**
   * Asks whether a peer is alive. Waits for its answer, at most as long as the engine's transfers
   * may take ({@code MC_TRANSFER_TIMEOUT}).
   *
   * @param segment the peer
   * @throws TransferException if it does not answer
   */
  public void probe(String segment) {
    probe(segment, core.lookUpTimeout());
  }

  /**
   * Asks whether a peer is alive. Waits for its answer no longer than {@code timeout}.
   *
   * @param segment the peer
   * @param timeout how long to wait at most, above zero
   * @throws TransferException if it does not answer; TIMEOUT if it did not answer in time
   */
  public void probe(String segment, Duration timeout) {
    Objects.requireNonNull(segment, "segment must not be null");
    Objects.requireNonNull(timeout, "timeout must not be null");
    core.probe(segment, timeout);
  }

  /**
   * Sends a message to a peer's application. Waits until the peer has it, at most as long as the
   * engine's transfers may take ({@code MC_TRANSFER_TIMEOUT}).
   *
   * @param segment the peer
   * @param message the message
   * @throws TransferException if the peer does not take it
   */
  public void sendNotify(String segment, TransferNotify message) {
    sendNotify(segment, message, core.lookUpTimeout());
  }

  /**
   * Sends a message to a peer's application. Waits no longer than {@code timeout} until the peer
   * has it.
   *
   * @param segment the peer
   * @param message the message
   * @param timeout how long to wait at most, above zero
   * @throws TransferException if the peer does not take it; TIMEOUT if it did not answer in time:
   *     then it may or may not have the message
   */
  public void sendNotify(String segment, TransferNotify message, Duration timeout) {
    Objects.requireNonNull(segment, "segment must not be null");
    Objects.requireNonNull(message, "message must not be null");
    Objects.requireNonNull(timeout, "timeout must not be null");
    core.sendNotify(segment, new NotifyMessage(message.name(), message.message()), timeout);
  }

  /**
   * Sends a message to a peer's application, as a part of a trace: Java peers get the trace context
   * with it, others pass over it. Waits no longer than {@code timeout} until the peer has it.
   *
   * @param segment the peer
   * @param message the message; above about a MiB, the most that C++ peers read, it goes without
   *     the trace context
   * @param parent the span that sends it
   * @param timeout how long to wait at most, above zero
   * @throws TransferException as without a trace
   */
  public void sendNotify(
      String segment, TransferNotify message, TraceParent parent, Duration timeout) {
    Objects.requireNonNull(segment, "segment must not be null");
    Objects.requireNonNull(message, "message must not be null");
    Objects.requireNonNull(parent, "parent must not be null");
    Objects.requireNonNull(timeout, "timeout must not be null");
    core.sendNotify(
        segment,
        new NotifyMessage(message.name(), message.message(), Optional.of(parent)),
        timeout);
  }

  /** {@return the messages that have arrived since the last call, oldest first} */
  public List<TransferNotify> takeNotifies() {
    core.requireOpen();
    return core.notifications().drain().stream()
        .map(message -> new TransferNotify(message.name(), message.message()))
        .toList();
  }

  /**
   * Takes the oldest message from a peer's application. Waits for one if there is none.
   *
   * @param timeout how long to wait at most; zero or negative only looks
   * @return the message; empty if none came in time
   * @throws InterruptedException if the waiting thread was interrupted; no message is lost then
   * @throws TransferException CLOSED if the engine was closed, before or meanwhile
   */
  public Optional<Notification> takeNotification(Duration timeout) throws InterruptedException {
    Objects.requireNonNull(timeout, "timeout must not be null");
    core.requireOpen();
    Optional<Notification> taken = core.notifications().take(timeout).map(Notification::new);
    if (taken.isEmpty()) {
      core.requireOpen();
    }
    return taken;
  }

  /**
   * Hands the messages of peers' applications to a listener, beginning with those that already
   * wait. Each message is handed out once, so use one listener, and do not call {@link
   * #takeNotifies} as well.
   *
   * @param listener called for one message after another, on a thread of its own. It may block;
   *     then further messages wait. What it throws is logged
   * @return a handle that ends the listening when it is closed. Closing the engine ends it too
   * @throws TransferException CLOSED if the engine was closed
   */
  public NotificationListener onNotification(Consumer<? super Notification> listener) {
    Objects.requireNonNull(listener, "listener must not be null");
    core.requireOpen();
    return new NotificationListener(core, listener);
  }

  /**
   * Has a listener told what happens in this engine. Without a listener nothing is made for it.
   *
   * @param listener called as {@link EngineListener} says
   * @return a handle that ends the listening when it is closed
   * @throws TransferException CLOSED if the engine was closed
   */
  public EngineListening listen(EngineListener listener) {
    Objects.requireNonNull(listener, "listener must not be null");
    core.requireOpen();
    return new EngineListening(core, listener);
  }

  /** {@return the priority matrix of the network devices as JSON, <code>{}</code> without any} */
  public String topologyJson() {
    core.requireOpen();
    return core.topology().toJson();
  }

  /**
   * {@return how the engine fares, as far as it knows: its transports, its devices, its records in
   * the metadata service} Asks nobody and waits for nothing, so it may be called often, and by a
   * closed engine. Whether a peer can be reached says {@link #probe(String)}.
   */
  public EngineHealth health() {
    return core.health();
  }

  /** {@return where figures are served over HTTP; empty without {@code TE_METRICS_PORT}} */
  public Optional<InetSocketAddress> metricsAddress() {
    return figures.map(MetricsEndpoint::address);
  }

  /** {@return the figures so far; still readable after closing} */
  public MetricsSnapshot metrics() {
    return core.metrics();
  }

  /**
   * Ends everything within some 5 seconds: transfers under way fail, connections close, managed
   * memory is returned. Throws nothing: a failure to close a part is logged, and the rest is
   * closed. Idempotent, for any thread at any moment; a second caller waits for the same end.
   */
  @Override
  public void close() {
    try {
      figures.ifPresent(MetricsEndpoint::close);
    } finally {
      core.close();
    }
  }

  /** {@return the segment's name, and its transports or "closed"} */
  @Override
  public String toString() {
    return "Engine " + segmentName() + ", " + (core.isClosed() ? "closed" : names(core));
  }

  private static String names(EngineCore core) {
    return String.join(" and ", core.transports());
  }
}
