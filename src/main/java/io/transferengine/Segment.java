// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.access.AccessRights;
import io.transferengine.engine.EngineCore;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

/**
 * A peer's segment: its name and its registered memory, as last heard. Thread-safe. It need not be
 * closed.
 */
public final class Segment {
  private final EngineCore core;
  private final String name;
  private volatile SegmentDescriptor descriptor;

  Segment(EngineCore core, String name, SegmentDescriptor descriptor) {
    this.core = core;
    this.name = name;
    this.descriptor = descriptor;
  }

  /** A registered range of the peer. Immutable; buffers with the same values are equal. */
  public static final class Buffer {
    private final BufferDescriptor descriptor;
    private final String location;

    Buffer(BufferDescriptor descriptor, String segmentProtocol) {
      this.descriptor = descriptor;
      String protocol = descriptor.protocol().isEmpty() ? segmentProtocol : descriptor.protocol();
      location = protocol.equals(SegmentDescriptor.RDMA) ? descriptor.name() : "*";
    }

    /** {@return its first byte's address in the peer's process} */
    public long address() {
      return descriptor.address();
    }

    /** {@return its length in bytes} */
    public long length() {
      return descriptor.lengthBytes();
    }

    /**
     * {@return the peer's name for it: the memory's location over RDMA, the peer's own name over
     * TCP}
     */
    public String name() {
      return descriptor.name();
    }

    /**
     * {@return where the memory is: {@code cpu:N} for NUMA node N, {@code cuda:N} for a device,
     * {@code *} if the peer does not say, as peers without RDMA}
     */
    public String location() {
      return location;
    }

    /**
     * {@return what the peer lets others do with it, as far as it says so} C++ peers do not say it,
     * and let everybody read and write.
     */
    public AccessRights rights() {
      return descriptor.rights();
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Buffer that
          && address() == that.address()
          && length() == that.length()
          && name().equals(that.name())
          && rights() == that.rights()
          && location.equals(that.location);
    }

    @Override
    public int hashCode() {
      return Objects.hash(address(), length(), name(), location);
    }

    /** {@return address, length and location} */
    @Override
    public String toString() {
      return "Buffer of %d bytes at 0x%x, location %s".formatted(length(), address(), location);
    }
  }

  /** {@return the name by which it was opened, the target of transfers} */
  public String name() {
    return name;
  }

  /** {@return the peer's registered ranges in order of registration, as last heard} */
  public List<Buffer> buffers() {
    SegmentDescriptor known = descriptor;
    return known.buffers().stream().map(buffer -> new Buffer(buffer, known.protocol())).toList();
  }

  /**
   * {@return the transports between us and the peer, such as {@code rdma} and {@code tcp}, the best
   * first, as last heard}
   *
   * <p>The first one is used. If it cannot go on, the next one takes over, unless RDMA is required
   * ({@code TE_REQUIRE_RDMA}).
   */
  public List<String> transports() {
    return core.transportsTo(descriptor);
  }

  /**
   * Begins to write registered memory to the peer; does not block.
   *
   * @param source native memory inside a registration; may be read-only. Do not change it until the
   *     transfer has ended
   * @param remoteAddress the address at the peer
   * @return the transfer's handle
   * @throws io.transferengine.transfer.TransferException as {@link Engine#submit}, and for a heap
   *     segment
   */
  public Transfer write(MemorySegment source, long remoteAddress) {
    return new Transfer(core.submit(TransferRequest.write(name, source, remoteAddress)));
  }

  /**
   * Begins to write registered memory to the peer; does not block.
   *
   * @param source a direct buffer inside a registration, from its position to its limit
   * @param remoteAddress the address at the peer
   * @return the transfer's handle
   * @throws io.transferengine.transfer.TransferException as {@link Engine#submit}, and for a heap
   *     buffer
   */
  public Transfer write(ByteBuffer source, long remoteAddress) {
    return new Transfer(core.submit(TransferRequest.write(name, source, remoteAddress)));
  }

  /**
   * Begins to read the peer's memory into ours; does not block.
   *
   * @param destination native, writable memory inside a registration; its length is the number of
   *     bytes to read
   * @param remoteAddress the address at the peer
   * @return the transfer's handle
   * @throws io.transferengine.transfer.TransferException as {@link Engine#submit}, and for a heap
   *     or read-only segment
   */
  public Transfer read(MemorySegment destination, long remoteAddress) {
    return new Transfer(core.submit(TransferRequest.read(name, destination, remoteAddress)));
  }

  /**
   * Begins to read the peer's memory into ours; does not block.
   *
   * @param destination a direct, writable buffer inside a registration. It is filled from its
   *     position to its limit; the position does not change
   * @param remoteAddress the address at the peer
   * @return the transfer's handle
   * @throws io.transferengine.transfer.TransferException as {@link Engine#submit}, and for a heap
   *     or read-only buffer
   */
  public Transfer read(ByteBuffer destination, long remoteAddress) {
    return new Transfer(core.submit(TransferRequest.read(name, destination, remoteAddress)));
  }

  /**
   * Begins to move blocks to or from the peer; does not block.
   *
   * @param operation the direction
   * @param blocks the blocks
   * @return the transfer's handle
   * @throws io.transferengine.transfer.TransferException as {@link Engine#submit}
   */
  public Transfer submit(Operation operation, BlockColumns blocks) {
    return new Transfer(core.submit(request(operation, blocks)));
  }

  /**
   * {@return a request for blocks of this segment, to set its own deadline or a notification and
   * give it to {@link Engine#submit}}
   *
   * @param operation the direction
   * @param blocks the blocks
   */
  public TransferRequest request(Operation operation, BlockColumns blocks) {
    return TransferRequest.of(operation, name, blocks);
  }

  /**
   * Asks the peer for its registered memory. Waits for the answer, at most as long as the engine's
   * transfers may take ({@code MC_TRANSFER_TIMEOUT}).
   *
   * @return this segment
   * @throws io.transferengine.transfer.TransferException if the peer does not answer
   */
  public Segment refresh() {
    return refresh(core.lookUpTimeout());
  }

  /**
   * Asks the peer for its registered memory. Waits for the answer no longer than {@code timeout}.
   *
   * @param timeout how long to wait at most, above zero
   * @return this segment
   * @throws io.transferengine.transfer.TransferException if the peer does not answer; TIMEOUT if it
   *     did not answer in time
   */
  public Segment refresh(Duration timeout) {
    Objects.requireNonNull(timeout, "timeout must not be null");
    descriptor = core.describe(name, timeout);
    return this;
  }

  /** {@return the name, the transports, and the number of buffers} */
  @Override
  public String toString() {
    return "Segment %s over %s, %d buffers"
        .formatted(name, String.join(" and ", transports()), descriptor.buffers().size());
  }
}
