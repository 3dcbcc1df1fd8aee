// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.transferengine.tls.TokenExchange;
import java.io.EOFException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Stands in front of a {@link WireHandler} until the exchange of tokens is over, and then takes
 * itself away. Until then the handler hears only of the connection's end, and of reads that find no
 * staging.
 *
 * <pre>
 * socket, or TlsSocket  &lt;&gt;  TokenGate  &lt;&gt;  WireHandler
 * </pre>
 *
 * <p>It takes no more than one message of the exchange at a time: whoever sends more before it may
 * is refused. Confined to the channel's event loop.
 */
abstract class TokenGate extends ChannelInboundHandlerAdapter {
  private final WireHandler above;
  private final long limitMillis;
  private byte[] message;
  private int filled;
  private boolean over;
  private @Nullable ChannelHandlerContext context;
  private @Nullable Future<?> deadline;

  /**
   * @param above behind the gate; to be put into the pipeline after it
   * @param limitMillis for the whole exchange
   * @param firstBytes of the first message that comes
   */
  TokenGate(WireHandler above, long limitMillis, int firstBytes) {
    this.above = above;
    this.limitMillis = limitMillis;
    message = new byte[firstBytes];
  }

  /** {@return the header that an exchange begins with} */
  static byte[] hello() {
    return ByteBuffer.allocate(Frames.HEADER_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(Long.BYTES, TokenExchange.VERSION)
        .put(2 * Long.BYTES, (byte) (Frames.OPCODE_TOKEN | Frames.VERSION_2_BIT))
        .array();
  }

  /** The connection is made. */
  abstract void begin();

  /**
   * A message is complete.
   *
   * @param more whether more than it has arrived already
   */
  abstract void arrived(byte[] whole, boolean more);

  /** The other side is refused, or gone; called once at the most, and not when it has proved. */
  abstract void failed(Throwable cause);

  /** {@return whether anything of the other side has arrived} */
  boolean hasHeard() {
    return filled > 0;
  }

  final ChannelHandlerContext context() {
    ChannelHandlerContext there = context;
    if (there == null) {
      throw new IllegalStateException("The handler is not on a channel yet");
    }
    return there;
  }

  /** What comes next has so many bytes. */
  final void expect(int bytes) {
    message = new byte[bytes];
    filled = 0;
  }

  final void send(byte[] bytes) {
    OutboundStream outbound = above.outbound();
    outbound.message(bytes);
    outbound.flush();
  }

  /** Both sides have proved what they had to. */
  final void open() {
    stop();
    ChannelHandlerContext here = context();
    here.fireChannelActive();
    here.pipeline().remove(this);
  }

  /** The connection is not to be used, unless that is known already. */
  final void fail(Throwable cause) {
    if (!over) {
      stop();
      failed(cause);
    }
  }

  /** Nothing further is listened to. */
  final void stop() {
    over = true;
    Future<?> there = deadline;
    if (there != null) {
      var _ = there.cancel(false);
    }
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    context = added;
  }

  @Override
  public void channelActive(ChannelHandlerContext here) {
    deadline = here.executor().schedule(this::late, limitMillis, TimeUnit.MILLISECONDS);
    begin();
  }

  private void late() {
    fail(new SocketTimeoutException("no token in time"));
  }

  @Override
  public void channelRead(ChannelHandlerContext here, Object read) {
    MemoryWindow window = (MemoryWindow) read;
    try {
      long at = window.memoryAddress();
      long end = at + window.readableBytes();
      while (at < end && !over) {
        int bytes = (int) Math.min(end - at, message.length - filled);
        MemoryWindow.copy(at, message, filled, bytes);
        filled += bytes;
        at += bytes;
        if (filled == message.length) {
          arrived(message, at < end);
        }
      }
    } finally {
      window.release();
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext here) {}

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext here) {}

  @Override
  public void userEventTriggered(ChannelHandlerContext here, Object event) {
    if (event == ChannelInputShutdownEvent.INSTANCE) {
      if (over) {
        var _ = here.channel().close();
      } else {
        fail(new EOFException("closed by the peer"));
      }
    }
  }

  @Override
  @SuppressWarnings("deprecation") // of the super class's handler, not of this inbound one
  public void exceptionCaught(ChannelHandlerContext here, Throwable cause) {
    if (!(cause instanceof StagingDry)) {
      fail(cause);
    }
    here.fireExceptionCaught(cause);
  }

  @Override
  public void channelInactive(ChannelHandlerContext here) {
    fail(new ClosedChannelException());
    here.fireChannelInactive();
  }
}
