// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelConfig;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.util.UncheckedBooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Decides, before each read of a channel, where its bytes go: straight into the memory that they
 * are for, or through a staging block.
 *
 * <p>Netty asks a channel's {@link RecvByteBufAllocator} for the buffer of the next read. Elsewhere
 * that guesses a size; here it is the place to aim. While a large body is expected the buffer is a
 * {@link MemoryWindow} on its destination, no longer than what is missing, so that no byte of the
 * next frame can land there. Otherwise it is a window on a staging block, as long as the stream
 * allows: Netty has no scattering read, so a stream that knows that a large body is next lets the
 * staging read end where that body begins.
 *
 * <p>A read whose bytes are all used up at once goes through the loop's one block for reads. Others
 * take a block, which the stream may hold on to. When there is none, as much is read as is sure to
 * be used up; or little, where the connection has a block of its own ({@link ReadReserve}).
 *
 * <p>Confined to the channel's event loop.
 */
@SuppressWarnings("deprecation") // RecvByteBufAllocator.Handle: Netty offers no other one
final class ReceiveAllocator implements RecvByteBufAllocator, RecvByteBufAllocator.ExtendedHandle {

  /** The protocol's side of the bargain. */
  interface Stream {
    /** {@return how many bytes are to be read straight to {@link #directAddress()}; 0 for none} */
    long directBytes();

    /** {@return where the next byte of the body belongs} */
    long directAddress();

    /** {@return the most bytes that may come through staging, at least 1} */
    int stagedBytesLimit();

    /**
     * {@return how many bytes would be used up when they are handed on, none of them held; 0 when
     * none are to be read now}
     */
    int consumedBytesLimit();

    /** {@return a free one of the stream's own blocks, with one use more; null when none is} */
    @Nullable StagingBlock ownBlock();

    /**
     * A read is wanted and there is no staging for it: it is to be wanted again when there is some.
     */
    void onStagingDry();

    /** {@return whether there is still a socket to read from} */
    boolean isOpen();

    /** {@return who is told when a window on the body's memory is released} */
    MemoryWindow.Owner directOwner();
  }

  /**
   * Reads in a row before other channels of the event loop get their turn; 16 is Netty's default
   * too.
   */
  private static final int READS_PER_TURN_LIMIT = 16;

  /** The longest window; a read takes what has arrived, which is far less. */
  private static final long WINDOW_LIMIT_BYTES = 1L << 30;

  private final WindowPool pool;
  private final StagingShare share;
  private final Stream stream;
  private @Nullable ChannelConfig config;
  private int attempted;
  private int last;
  private int reads;

  ReceiveAllocator(WindowPool pool, StagingShare share, Stream stream) {
    this.pool = pool;
    this.share = share;
    this.stream = stream;
  }

  @Override
  public Handle newHandle() {
    return this;
  }

  @Override
  public ByteBuf allocate(ByteBufAllocator allocator) {
    long direct = stream.directBytes();
    if (!stream.isOpen()) {
      // It has just been closed: to read on from its descriptor could be to read from another's.
      throw new StagingDry();
    }
    if (direct > 0) {
      int length = (int) Math.min(direct, WINDOW_LIMIT_BYTES);
      MemoryWindow window = pool.window(stream.directAddress(), length, 0, null);
      return window.ownedBy(stream.directOwner());
    }
    int limit = stream.stagedBytesLimit();
    int consumed = stream.consumedBytesLimit();
    StagingBlock block = consumed >= limit ? pool.readBlock() : null;
    if (block == null) {
      block = pool.block(share);
    }
    if (block == null && consumed > 0) {
      block = pool.readBlock();
      limit = Math.min(limit, consumed);
    }
    if (block == null) {
      block = stream.ownBlock();
    }
    if (block == null) {
      stream.onStagingDry();
      throw new StagingDry();
    }
    try {
      return pool.window(block.address(), Math.min(block.capacity(), limit), 0, block);
    } catch (Throwable t) {
      block.release();
      throw t;
    }
  }

  @Override
  public int guess() {
    return 0;
  }

  @Override
  public void reset(ChannelConfig channelConfig) {
    config = channelConfig;
    reads = 0;
    attempted = 0;
    last = 0;
  }

  @Override
  public void incMessagesRead(int messages) {
    reads += messages;
  }

  @Override
  public void lastBytesRead(int bytes) {
    last = bytes;
  }

  @Override
  public int lastBytesRead() {
    return last;
  }

  @Override
  public void attemptedBytesRead(int bytes) {
    attempted = bytes;
  }

  @Override
  public int attemptedBytesRead() {
    return attempted;
  }

  @Override
  public boolean continueReading() {
    // A read that came back short has emptied the socket.
    return mayContinue() && last == attempted;
  }

  @Override
  public boolean continueReading(UncheckedBooleanSupplier maybeMoreData) {
    return mayContinue() && maybeMoreData.get();
  }

  private boolean mayContinue() {
    ChannelConfig current = config;
    // With half-closure allowed Netty does not look whether the handler has just closed the
    // channel: it would read on from a descriptor that may be another socket's by now.
    return last > 0
        && reads < READS_PER_TURN_LIMIT
        && stream.isOpen()
        && (current == null || current.isAutoRead());
  }

  /** {@return whether the last read took less than it had room for: the kernel had no more} */
  boolean hasEmptiedSocket() {
    return attempted == 0 || last < attempted;
  }

  @Override
  public void readComplete() {}
}
