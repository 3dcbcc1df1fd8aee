// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.util.UncheckedBooleanSupplier;

/**
 * Netty's own buffers for what is read of a channel, as long as it is open: large ones while its
 * event loop's connections hold little of what they have read. With half-closure allowed Netty does
 * not look whether a handler has just closed the channel: it would read on from a descriptor that
 * may be another socket's by now.
 */
@SuppressWarnings("deprecation") // RecvByteBufAllocator.Handle: Netty offers no other one
final class OpenReads implements RecvByteBufAllocator {
  /** The longest read; one TLS record is a quarter of it. */
  private static final int READ_BYTES_MAX = 64 << 10;

  /** The longest read while too much is held already: a TLS record with all that is around it. */
  static final int RECORD_BYTES_MAX = TlsSocket.RECORD_BYTES + 512;

  private static final int READ_BYTES_MIN = 1 << 10;
  private static final int READ_BYTES_FIRST = 16 << 10;

  private final Channel channel;
  private final TlsBudget budget;
  private final RecvByteBufAllocator sizes =
      new AdaptiveRecvByteBufAllocator(READ_BYTES_MIN, READ_BYTES_FIRST, READ_BYTES_MAX);

  /**
   * @param budget of what was read and is held
   */
  OpenReads(Channel channel, TlsBudget budget) {
    this.channel = channel;
    this.budget = budget;
  }

  @Override
  public Handle newHandle() {
    return new WhileOpen((ExtendedHandle) sizes.newHandle());
  }

  private final class WhileOpen extends DelegatingHandle implements ExtendedHandle {
    private final ExtendedHandle inner;

    private WhileOpen(ExtendedHandle inner) {
      super(inner);
      this.inner = inner;
    }

    @Override
    public ByteBuf allocate(ByteBufAllocator allocator) {
      return inner.guess() <= RECORD_BYTES_MAX || budget.mayReadMuch()
          ? inner.allocate(allocator)
          : allocator.ioBuffer(RECORD_BYTES_MAX);
    }

    @Override
    public boolean continueReading() {
      return channel.isOpen() && inner.continueReading();
    }

    @Override
    public boolean continueReading(UncheckedBooleanSupplier maybeMoreData) {
      return channel.isOpen() && inner.continueReading(maybeMoreData);
    }
  }
}
