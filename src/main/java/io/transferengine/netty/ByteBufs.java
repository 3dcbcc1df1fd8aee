// SPDX-License-Identifier: Apache-2.0
package io.transferengine.netty;

import io.netty.buffer.ByteBuf;
import io.transferengine.Segment;
import io.transferengine.buffers.BufferTransfer;
import io.transferengine.buffers.CountedBuffer;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Transfers of what Netty's buffers hold. A write takes the bytes that can be read, and moves the
 * reader index behind them; a read fills what can be written without growing the buffer, and moves
 * the writer index. Both do so when the transfer is complete; if it fails, indices stay.
 *
 * <p>A buffer must be direct, or composed of direct ones, and in registered memory ({@link
 * ByteBufArenas}). It is retained while the transfer runs. The caller's own count is the caller's.
 */
public final class ByteBufs {
  private ByteBufs() {}

  /**
   * Begins to write what can be read of a buffer to the peer; does not block.
   *
   * @param peer the peer
   * @param source the buffer
   * @param remoteAddress where the first byte goes at the peer
   * @return the transfer
   * @throws TransferException as {@link Segment#submit}, and for a buffer on the heap
   */
  public static BufferTransfer write(Segment peer, ByteBuf source, long remoteAddress) {
    Objects.requireNonNull(source, "source must not be null");
    return submit(peer, Operation.WRITE, List.of(source), new long[] {remoteAddress});
  }

  /**
   * Begins to fill a buffer from the peer's memory, from its writer index to its capacity; does not
   * block.
   *
   * @param peer the peer
   * @param destination the buffer
   * @param remoteAddress where the first byte is at the peer
   * @return the transfer
   * @throws TransferException as {@link Segment#submit}, and for a buffer on the heap or one that
   *     is read-only
   */
  public static BufferTransfer read(Segment peer, ByteBuf destination, long remoteAddress) {
    Objects.requireNonNull(destination, "destination must not be null");
    return submit(peer, Operation.READ, List.of(destination), new long[] {remoteAddress});
  }

  /**
   * Begins to move several buffers as one batch; does not block.
   *
   * @param peer the peer
   * @param operation the direction
   * @param buffers the buffers, none twice if they are read into
   * @param remoteAddresses for each buffer, where its first byte is at the peer
   * @return the transfer
   * @throws TransferException as {@link Segment#submit}, for a buffer on the heap, and for columns
   *     of different lengths
   */
  public static BufferTransfer submit(
      Segment peer, Operation operation, List<ByteBuf> buffers, long[] remoteAddresses) {
    Objects.requireNonNull(peer, "peer must not be null");
    Objects.requireNonNull(operation, "operation must not be null");
    Objects.requireNonNull(buffers, "buffers must not be null");
    Objects.requireNonNull(remoteAddresses, "remoteAddresses must not be null");
    List<Held> held = new ArrayList<>(buffers.size());
    for (ByteBuf buffer : buffers) {
      held.add(new Held(buffer, operation));
    }
    // Addresses are asked for when all are retained: nobody can give the memory back any more.
    return BufferTransfer.submit(held, () -> peer.submit(operation, blocks(held, remoteAddresses)));
  }

  /** A range of a buffer. */
  private static final class Held implements CountedBuffer {
    private final ByteBuf buffer;
    private final Operation operation;
    private final int index;
    private final int length;

    Held(ByteBuf buffer, Operation operation) {
      this.buffer = Objects.requireNonNull(buffer, "buffers must not contain null");
      this.operation = operation;
      boolean reads = operation == Operation.READ;
      index = reads ? buffer.writerIndex() : buffer.readerIndex();
      length = reads ? buffer.writableBytes() : buffer.readableBytes();
      if (reads && buffer.isReadOnly()) {
        throw refused(buffer, "is read-only", "Read into a buffer that can be written");
      }
    }

    @Override
    public void retain() {
      buffer.retain();
    }

    @Override
    public void release() {
      buffer.release();
    }

    @Override
    public void moved() {
      if (operation == Operation.READ) {
        buffer.writerIndex(index + length);
      } else {
        buffer.readerIndex(index + length);
      }
    }
  }

  private static BlockColumns blocks(List<Held> held, long[] remoteAddresses) {
    if (held.size() != remoteAddresses.length) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          held.size() + " buffers, but " + remoteAddresses.length + " addresses",
          "Give one address for each buffer");
    }
    List<BlockColumns> parts = new ArrayList<>(held.size());
    for (int i = 0; i < held.size(); i++) {
      parts.add(blocks(held.get(i), remoteAddresses[i]));
    }
    return parts.size() == 1 ? parts.getFirst() : BlockColumns.concat(parts);
  }

  /** One block for each part of a composed buffer. */
  private static BlockColumns blocks(Held held, long remoteAddress) {
    ByteBuffer[] parts = held.buffer.nioBuffers(held.index, held.length);
    long[] local = new long[parts.length];
    long[] remote = new long[parts.length];
    long[] lengths = new long[parts.length];
    long next = remoteAddress;
    for (int i = 0; i < parts.length; i++) {
      if (!parts[i].isDirect()) {
        throw refused(held.buffer, "is on the heap", "Use direct buffers");
      }
      local[i] = MemorySegment.ofBuffer(parts[i]).address();
      remote[i] = next;
      lengths[i] = parts[i].remaining();
      next += lengths[i];
    }
    return BlockColumns.of(local, remote, lengths);
  }

  static TransferException refused(ByteBuf buffer, String why, String remedy) {
    return new TransferException(ErrorCode.INVALID_ARGUMENT, buffer + " " + why, remedy);
  }
}
