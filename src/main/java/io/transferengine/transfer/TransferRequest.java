// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A batch of blocks to move between our memory and one peer's. Immutable; may be submitted any
 * number of times. Requests with the same values are equal, but blocks equal only themselves.
 */
public final class TransferRequest {
  private final Operation operation;
  private final String target;
  private final BlockColumns blocks;
  private final Optional<Duration> timeout;
  private final Optional<Notification> notification;
  private final Optional<TraceParent> traceParent;
  private final OptionalLong event;

  private TransferRequest(
      Operation operation,
      String target,
      BlockColumns blocks,
      Optional<Duration> timeout,
      Optional<Notification> notification,
      Optional<TraceParent> traceParent,
      OptionalLong event) {
    this.operation = Objects.requireNonNull(operation, "operation must not be null");
    this.target = Objects.requireNonNull(target, "target must not be null");
    this.blocks = Objects.requireNonNull(blocks, "blocks must not be null");
    this.timeout = timeout;
    this.notification = notification;
    this.traceParent = traceParent;
    this.event = event;
  }

  /**
   * A short message for the peer's application.
   *
   * @param name its subject
   * @param message its text
   */
  public record Notification(String name, String message) {
    /** Checks for null. */
    public Notification {
      Objects.requireNonNull(name, "name must not be null");
      Objects.requireNonNull(message, "message must not be null");
    }
  }

  /**
   * {@return a request for blocks, with the configured deadline and no notification}
   *
   * @param operation the direction
   * @param target the peer's segment
   * @param blocks the blocks
   */
  public static TransferRequest of(Operation operation, String target, BlockColumns blocks) {
    return new TransferRequest(
        operation,
        target,
        blocks,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        OptionalLong.empty());
  }

  /**
   * {@return a request to write registered memory to the peer}
   *
   * @param target the peer's segment
   * @param source native memory inside a registration; may be read-only
   * @param remoteAddress the address at the peer
   * @throws TransferException for a heap segment, and as {@link NativeMemory} says
   */
  public static TransferRequest write(String target, MemorySegment source, long remoteAddress) {
    Objects.requireNonNull(target, "target must not be null");
    Objects.requireNonNull(source, "source must not be null");
    return of(Operation.WRITE, target, one(NativeMemory.source(source), remoteAddress));
  }

  /**
   * {@return a request to write registered memory to the peer}
   *
   * @param target the peer's segment
   * @param source a direct buffer inside a registration, from its position to its limit; may be
   *     read-only
   * @param remoteAddress the address at the peer
   * @throws TransferException for a heap buffer, and as {@link NativeMemory} says
   */
  public static TransferRequest write(String target, ByteBuffer source, long remoteAddress) {
    Objects.requireNonNull(target, "target must not be null");
    Objects.requireNonNull(source, "source must not be null");
    return of(Operation.WRITE, target, one(NativeMemory.source(source), remoteAddress));
  }

  /**
   * {@return a request to read the peer's memory into ours}
   *
   * @param target the peer's segment
   * @param destination native memory inside a registration; its length is the number of bytes to
   *     read
   * @param remoteAddress the address at the peer
   * @throws TransferException for a heap or read-only segment, and as {@link NativeMemory} says
   */
  public static TransferRequest read(String target, MemorySegment destination, long remoteAddress) {
    Objects.requireNonNull(target, "target must not be null");
    Objects.requireNonNull(destination, "destination must not be null");
    return of(Operation.READ, target, one(NativeMemory.destination(destination), remoteAddress));
  }

  /**
   * {@return a request to read the peer's memory into ours}
   *
   * @param target the peer's segment
   * @param destination a direct buffer inside a registration. It is filled from its position to its
   *     limit; the position does not change
   * @param remoteAddress the address at the peer
   * @throws TransferException for a heap or read-only buffer, and as {@link NativeMemory} says
   */
  public static TransferRequest read(String target, ByteBuffer destination, long remoteAddress) {
    Objects.requireNonNull(target, "target must not be null");
    Objects.requireNonNull(destination, "destination must not be null");
    return of(Operation.READ, target, one(NativeMemory.destination(destination), remoteAddress));
  }

  private static BlockColumns one(MemorySegment local, long remoteAddress) {
    return BlockColumns.of(local.address(), remoteAddress, local.byteSize());
  }

  /**
   * {@return the same request with its own deadline}
   *
   * @param deadline counted from submission, above zero
   * @throws TransferException if the deadline is not positive
   */
  public TransferRequest withTimeout(Duration deadline) {
    Objects.requireNonNull(deadline, "deadline must not be null");
    if (deadline.isZero() || deadline.isNegative()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT, "A deadline of " + deadline, "Give one above zero");
    }
    return new TransferRequest(
        operation, target, blocks, Optional.of(deadline), notification, traceParent, event);
  }

  /**
   * {@return the same request with a notification, sent to the peer on completion}
   *
   * @param name its subject
   * @param message its text
   */
  public TransferRequest withNotification(String name, String message) {
    return new TransferRequest(
        operation,
        target,
        blocks,
        timeout,
        Optional.of(new Notification(name, message)),
        traceParent,
        event);
  }

  /**
   * {@return the same request as a part of a trace} Reports of the transfer say it, and the peer's
   * application gets it with the notification, if there is one: then what that does can be a part
   * of the same trace.
   *
   * @param parent the span of the transfer
   */
  public TransferRequest withTraceParent(TraceParent parent) {
    Objects.requireNonNull(parent, "parent must not be null");
    return new TransferRequest(
        operation, target, blocks, timeout, notification, Optional.of(parent), event);
  }

  /**
   * {@return the same request, which begins only when an event of CUDA has happened} Until then
   * nothing is read from our memory or written to it, and the transfer waits; no thread of the
   * caller's does, nor does another transfer. The deadline counts from submission all the same.
   *
   * <p>Whether it has happened is asked again and again, so the transfer begins some 20 µs to 1 ms
   * later. A handle of no event fails the transfer, as far as that can be seen; one of an event
   * that was destroyed is as wrong here as in CUDA.
   *
   * @param cudaEvent the handle (a {@code CUevent} or {@code cudaEvent_t}) of an event that was
   *     recorded. It must not be destroyed or recorded again before the transfer has begun or ended
   * @throws TransferException for 0, which is no handle
   */
  public TransferRequest after(long cudaEvent) {
    if (cudaEvent == 0) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT, "0 is no event", "Give the handle of an event of CUDA");
    }
    return new TransferRequest(
        operation, target, blocks, timeout, notification, traceParent, OptionalLong.of(cudaEvent));
  }

  /** {@return the direction} */
  public Operation operation() {
    return operation;
  }

  /** {@return the peer's segment, such as {@code 10.0.0.2:15123}} */
  public String target() {
    return target;
  }

  /** {@return the blocks} */
  public BlockColumns blocks() {
    return blocks;
  }

  /**
   * {@return its deadline, counted from submission; empty for the configured one ({@code
   * MC_TRANSFER_TIMEOUT}, plus a nanosecond per byte)}
   */
  public Optional<Duration> timeout() {
    return timeout;
  }

  /** {@return the notification for the peer once every byte has arrived; empty for none} */
  public Optional<Notification> notification() {
    return notification;
  }

  /** {@return the span of the transfer; empty if it is no part of a trace} */
  public Optional<TraceParent> traceParent() {
    return traceParent;
  }

  /** {@return the handle of the event that it begins after; empty if it begins at once} */
  public OptionalLong event() {
    return event;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TransferRequest that
        && operation == that.operation
        && target.equals(that.target)
        && blocks.equals(that.blocks)
        && timeout.equals(that.timeout)
        && notification.equals(that.notification)
        && traceParent.equals(that.traceParent)
        && event.equals(that.event);
  }

  @Override
  public int hashCode() {
    return Objects.hash(operation, target, blocks, timeout, notification, traceParent, event);
  }

  /** {@return the operation, the blocks and the peer} */
  @Override
  public String toString() {
    return "TransferRequest[%s %s, target %s%s%s%s]"
        .formatted(
            operation,
            blocks,
            target,
            timeout.map(limit -> ", timeout " + limit).orElse(""),
            notification.map(text -> ", notification '" + text.name() + "'").orElse(""),
            event.isPresent() ? ", after event 0x%x".formatted(event.getAsLong()) : "");
  }
}
