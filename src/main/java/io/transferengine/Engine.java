// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.engine.EngineCore;
import io.transferengine.memory.Region;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.transfer.NativeMemory;
import io.transferengine.transfer.Transfer;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.wire.NotifyMessage;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The typed API: throws {@link TransferException} on misuse and when something that talks to a peer
 * fails, and never on the data path, where a {@link Transfer} reaches exactly one terminal state.
 *
 * <p>Thread-safe. {@link #submit} does not block; the methods that wait for a peer say so. After
 * {@link #close()} every method throws.
 */
public final class Engine implements AutoCloseable {
  private final EngineCore core;

  private Engine(EngineCore core) {
    this.core = core;
  }

  /**
   * Opens an engine: its ports listen when this returns.
   *
   * @param config how
   * @return the engine, to be closed by the caller
   * @throws TransferException if the host, metadata server or protocol is invalid, or no port can
   *     be bound
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

  /** {@return the name by which peers open our segment; {@code host:port} in P2P mode} */
  public String segmentName() {
    return core.segmentName();
  }

  /** {@return the port of our handshake daemon} */
  public int rpcPort() {
    return core.rpcPort();
  }

  /**
   * Hands out registered memory.
   *
   * @param lengthBytes above 0
   * @return the memory, which lives until it or the engine is closed
   * @throws TransferException when there is no more to be had, or the length is not positive
   */
  public Allocation allocate(long lengthBytes) {
    core.requireOpen();
    MemorySegment block = core.memory().allocate(lengthBytes);
    try {
      return new Allocation(core, block);
    } catch (Throwable t) {
      core.memory().free(block.address(), lengthBytes);
      throw t;
    }
  }

  /**
   * Registers memory of the caller's.
   *
   * @param memory native, writable (peers may write to it), and kept alive by the engine until it
   *     is unregistered; its arena must stay open that long. That of a confined arena is taken from
   *     the arena's own thread only; the engine's threads use it by its address all the same
   * @return the registration
   * @throws TransferException for a heap, read-only or empty segment, for another thread's, and for
   *     one that overlaps another registration, which is named
   */
  public Registration register(MemorySegment memory) {
    return register(memory, "*");
  }

  /**
   * Registers memory of the caller's, saying where it is.
   *
   * @param memory as {@link #register(MemorySegment)}
   * @param location {@code cpu:N} for memory of NUMA node N, whose network devices are then
   *     preferred over RDMA; {@code *} where it is not known; {@code cuda:N} for device memory,
   *     which needs RDMA
   * @return the registration
   * @throws TransferException as {@link #register(MemorySegment)}
   */
  public Registration register(MemorySegment memory, String location) {
    Objects.requireNonNull(memory, "memory must not be null");
    Objects.requireNonNull(location, "location must not be null");
    core.requireOpen();
    return registration(core.memory().registerSegment(NativeMemory.destination(memory), location));
  }

  /**
   * Registers what lies between a direct buffer's position and its limit.
   *
   * @param memory direct, writable, kept alive by the engine until it is unregistered
   * @return the registration
   * @throws TransferException as {@link #register(MemorySegment)}
   */
  public Registration register(ByteBuffer memory) {
    Objects.requireNonNull(memory, "memory must not be null");
    return register(NativeMemory.destination(memory));
  }

  /**
   * Registers memory by its address.
   *
   * @param address of the first byte
   * @param length in bytes, above 0
   * @param location {@code *} or {@code cpu:N} for host memory, which must be mapped readable and
   *     writable; {@code cuda:N} for device memory, which needs RDMA
   * @return the registration
   * @throws TransferException for a range that is empty, not mapped or overlaps another one
   */
  public Registration register(long address, long length, String location) {
    Objects.requireNonNull(location, "location must not be null");
    core.requireOpen();
    return registration(core.memory().register(address, length, location));
  }

  private Registration registration(Region region) {
    try {
      return new Registration(core, region.address(), region.length());
    } catch (Throwable t) {
      core.memory().unregister(region.address());
      throw t;
    }
  }

  /**
   * Opens a peer's segment. Waits for the peer where it is not known yet, at most as long as the
   * engine's transfers may take ({@code MC_TRANSFER_TIMEOUT}).
   *
   * @param name in P2P mode {@code host:port} of its handshake daemon, else the name that it
   *     registered
   * @return the segment
   * @throws TransferException when the peer cannot be reached
   */
  public Segment openSegment(String name) {
    return openSegment(name, core.lookUpTimeout());
  }

  /**
   * Opens a peer's segment, and waits for the peer no longer than asked.
   *
   * @param name as {@link #openSegment(String)}
   * @param timeout how long to wait at most, above zero
   * @return the segment
   * @throws TransferException when the peer cannot be reached; TIMEOUT when it did not answer in
   *     time
   */
  public Segment openSegment(String name, Duration timeout) {
    Objects.requireNonNull(name, "name must not be null");
    Objects.requireNonNull(timeout, "timeout must not be null");
    return new Segment(this, name, core.open(name, timeout));
  }

  /**
   * Looks a peer up and begins to connect to it, so that the first transfer need not. Waits for the
   * lookup, as {@link #openSegment(String)} does.
   *
   * @param name the segment
   * @throws TransferException when the peer cannot be reached
   */
  public void warmUp(String name) {
    warmUp(name, core.lookUpTimeout());
  }

  /**
   * As {@link #warmUp(String)}, but waits for the lookup no longer than asked.
   *
   * @param name the segment
   * @param timeout how long to wait at most, above zero
   * @throws TransferException when the peer cannot be reached; TIMEOUT when it did not answer in
   *     time
   */
  public void warmUp(String name, Duration timeout) {
    Objects.requireNonNull(name, "name must not be null");
    Objects.requireNonNull(timeout, "timeout must not be null");
    core.warmUp(name, timeout);
  }

  /**
   * Begins a transfer; does not block. What the peer has against it shows in the transfer's state.
   *
   * @param request what to move
   * @return its handle
   * @throws TransferException when a local range is not registered or managed here, or too many
   *     transfers are under way
   */
  public Transfer submit(TransferRequest request) {
    Objects.requireNonNull(request, "request must not be null");
    return core.submit(request);
  }

  /**
   * Asks whether a peer is alive. Waits for its answer, at most as long as the engine's transfers
   * may take ({@code MC_TRANSFER_TIMEOUT}).
   *
   * @param segment the peer
   * @throws TransferException when it does not answer
   */
  public void probe(String segment) {
    probe(segment, core.lookUpTimeout());
  }

  /**
   * Asks whether a peer is alive, and waits for its answer no longer than asked.
   *
   * @param segment the peer
   * @param timeout how long to wait at most, above zero
   * @throws TransferException when it does not answer; TIMEOUT when it did not in time
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
   * @throws TransferException when the peer does not take it
   */
  public void sendNotify(String segment, TransferNotify message) {
    sendNotify(segment, message, core.lookUpTimeout());
  }

  /**
   * Sends a message to a peer's application, and waits until the peer has it no longer than asked.
   *
   * @param segment the peer
   * @param message the message
   * @param timeout how long to wait at most, above zero
   * @throws TransferException when the peer does not take it; TIMEOUT when it did not answer in
   *     time, and may have the message or not
   */
  public void sendNotify(String segment, TransferNotify message, Duration timeout) {
    Objects.requireNonNull(segment, "segment must not be null");
    Objects.requireNonNull(message, "message must not be null");
    Objects.requireNonNull(timeout, "timeout must not be null");
    core.sendNotify(segment, new NotifyMessage(message.name(), message.message()), timeout);
  }

  /** {@return the messages that have arrived since the last call, oldest first} */
  public List<TransferNotify> takeNotifies() {
    core.requireOpen();
    return core.notifications().drain().stream()
        .map(message -> new TransferNotify(message.name(), message.message()))
        .toList();
  }

  /**
   * Takes the oldest message of a peer's application, and waits for one if there is none.
   *
   * @param timeout how long to wait at most; zero or negative only looks
   * @return the message; empty when none came in time
   * @throws InterruptedException when the waiting thread was interrupted; no message is lost then
   * @throws TransferException CLOSED when the engine was closed, before or meanwhile
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
   * Has messages of peers' applications handed to a listener, those that wait already first. Each
   * message goes to one taker only: use one listener, and no {@link #takeNotifies} beside it.
   *
   * @param listener called for one message after the other, on a virtual thread of its own; may
   *     block, which lets further messages wait; what it throws is logged
   * @return what ends it when it is closed; the engine's end does, too
   * @throws TransferException CLOSED when the engine was closed
   */
  public NotificationListener onNotification(Consumer<? super Notification> listener) {
    Objects.requireNonNull(listener, "listener must not be null");
    core.requireOpen();
    return new NotificationListener(core, listener);
  }

  /** {@return the priority matrix of the network devices as JSON, <code>{}</code> without any} */
  public String topologyJson() {
    core.requireOpen();
    return core.topology().toJson();
  }

  /** {@return what was counted so far; still readable after closing} */
  public MetricsSnapshot metrics() {
    return core.metrics();
  }

  /**
   * Ends everything within some 5 seconds: transfers under way fail, connections close, managed
   * memory is returned. Throws nothing; what cannot be closed in order is logged, and the rest is
   * closed. Idempotent, for any thread at any moment; whoever comes second waits for the same end.
   */
  @Override
  public void close() {
    core.close();
  }

  /** {@return the segment's name, and the transports or that it is closed} */
  @Override
  public String toString() {
    return "Engine " + segmentName() + ", " + (core.isClosed() ? "closed" : names(core));
  }

  private static String names(EngineCore core) {
    return String.join(" and ", core.transports());
  }
}
