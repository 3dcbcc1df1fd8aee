// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelOutputShutdownException;
import io.netty.channel.socket.DuplexChannel;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedChannelException;
import org.jspecify.annotations.Nullable;

/**
 * What both ends of a data connection share: reads that {@link ReceiveAllocator} aims, writes that
 * {@link OutboundStream} gathers, and a moment at which nothing touches registered memory any more.
 *
 * <p>That moment, {@link #onQuiesced()}, is after the channel has closed and every window is back.
 * On epoll and NIO the two coincide; with io_uring the kernel may hold a window until its last
 * completion. Confined to the channel's event loop.
 */
abstract class WireHandler extends ChannelInboundHandlerAdapter
    implements ReceiveAllocator.Stream, OutboundStream.Listener, MemoryWindow.Owner {

  /**
   * Writes in a row after a half-close; never reached. Netty's epoll takes a channel that waits for
   * neither input nor room out of its set and does not notice when it should be put back (seen in
   * 4.2.18: epoll_ctl ENOENT, and what waited was dropped). That state lasts a moment whenever the
   * usual 16 writes are used up, so after the input has ended they must not be.
   */
  private static final int WRITES_AFTER_HALF_CLOSE = Integer.MAX_VALUE / 2;

  /** How often a close is asked for that does not happen: TLS may say goodbye first. */
  private static final int CLOSES_MAX = 3;

  private final WindowPool pool;
  private final StagingShare share;
  private final EngineMetrics metrics;

  /** Made with the connection: what is made when it is needed may be lost for ever (ADR 41). */
  private final Runnable readsAgain = guarded(this::readAgain);

  private final Runnable closesOutput = this::closeOutput;
  private final ChannelFutureListener closesWhenSent = new ClosesWhenSent();

  private @Nullable OutboundStream outbound;
  private @Nullable ReceiveAllocator allocator;
  private @Nullable TlsSocket tls;
  private StagingBlock[] ownBlocks = new StagingBlock[0];
  private @Nullable ChannelHandlerContext context;
  private int directWindowsOut;
  private boolean closing;
  private boolean closesWhenDrained;
  private boolean wasReset;
  private int unfinished;
  private boolean inactive;
  private boolean quiesced;

  WireHandler(WindowPool pool, StagingShare share, EngineMetrics metrics) {
    this.pool = pool;
    this.share = share;
    this.metrics = metrics;
  }

  /** {@return the receive allocator to give to the channel} */
  final ReceiveAllocator newReceiveAllocator() {
    ReceiveAllocator made = new ReceiveAllocator(pool, share, this);
    allocator = made;
    return made;
  }

  /** {@return what its TLS may have encrypted ahead, with that of others} */
  final TlsBudget encrypted() {
    return pool.encrypted();
  }

  /** It goes into a pipeline behind that one, not directly behind the channel's socket. */
  final void goesOver(TlsSocket socket) {
    tls = socket;
  }

  /** {@return whether the last read left nothing in the kernel} */
  final boolean hasEmptiedSocket() {
    if (tls != null) {
      return tls.hasEmptiedSocket();
    }
    ReceiveAllocator there = allocator;
    return there == null || there.hasEmptiedSocket();
  }

  final OutboundStream outbound() {
    OutboundStream there = outbound;
    if (there == null) {
      throw new IllegalStateException("The handler is not on a channel yet");
    }
    return there;
  }

  final Channel channel() {
    return context().channel();
  }

  final ChannelHandlerContext context() {
    ChannelHandlerContext there = context;
    if (there == null) {
      throw new IllegalStateException("The handler is not on a channel yet");
    }
    return there;
  }

  /**
   * Bytes that came through staging. They are gone after the call, unless it retains the window.
   */
  abstract void onStaged(MemoryWindow window, long from, long to);

  /** Bytes that are already where {@link #directAddress()} said. */
  abstract void onDirect(int bytes);

  /** All that had arrived was read. */
  abstract void onReadComplete();

  /** The peer sends no more; {@code error} is what the socket said, if it was no orderly end. */
  abstract void onEndOfStream(@Nullable Throwable error);

  /**
   * The system refused to send; nothing more is sent on this connection. What the peer has said
   * before, and its end of the stream, may still be read.
   */
  void onOutputFailed(Throwable cause) {}

  /**
   * Something of ours threw in the middle of its work on this connection, which has been logged:
   * nothing on it can be trusted any more. Ends the connection. May be called more than once.
   */
  abstract void onFault(Throwable fault);

  /** There is room in the outbound queue again. */
  abstract void onWritable();

  /**
   * The channel is closed and touches no memory any more. Called once, and again only if it has
   * thrown.
   */
  abstract void onQuiesced();

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    context = added;
    outbound = new OutboundStream(added, pool, share, tls != null, this);
    ownBlocks = pool.reserve().take();
  }

  /** Also when something threw while it was added. What the kernel may still write to stays out. */
  @Override
  public void handlerRemoved(ChannelHandlerContext removed) {
    StagingBlock[] taken = ownBlocks;
    ownBlocks = new StagingBlock[0];
    for (StagingBlock block : taken) {
      block.release();
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext unused, Object message) {
    MemoryWindow window = (MemoryWindow) message;
    int bytes = window.readableBytes();
    try {
      if (StagingBlock.isUnder(window)) {
        onStaged(window, window.memoryAddress(), window.memoryAddress() + bytes);
      } else {
        onDirect(bytes);
      }
    } finally {
      window.release();
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext unused) {
    onReadComplete();
    outbound().flush();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext unused) {
    if (channel().isWritable()) {
      onWritable();
      outbound().flush();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext unused, Object event) {
    if (event == ChannelInputShutdownEvent.INSTANCE) {
      onEndOfStream(null);
    }
  }

  @Override
  @SuppressWarnings("deprecation") // of the super class's handler, not of this inbound one
  public void exceptionCaught(ChannelHandlerContext unused, Throwable cause) {
    try {
      caught(cause);
    } catch (Throwable t) {
      // Netty would only log it.
      fault(t);
    }
  }

  private void caught(Throwable cause) {
    if (cause instanceof StagingDry) {
      // A read that waits: onStagingDry has seen to it.
      return;
    } else if (cause instanceof ChannelOutputShutdownException) {
      onOutputFailed(cause);
    } else if (cause instanceof ClosedChannelException) {
      // Of something that was written after the output had failed, or the channel had closed, which
      // is told by itself.
      return;
    } else if (cause instanceof IOException) {
      // The socket's word. Not every backend says more than this after a read that failed.
      onEndOfStream(cause);
    } else if (cause instanceof UncheckedIOException wrapped) {
      // The same, of epoll: it no longer knows a socket that the peer has reset.
      onEndOfStream(wrapped.getCause());
    } else {
      fault(cause);
    }
  }

  /**
   * {@return a step for the event loop, which ends the connection if it throws} Netty would only
   * lend a log to that. To be made with the connection.
   */
  final Runnable guarded(Runnable step) {
    return new Guarded(step);
  }

  private final class Guarded implements Runnable {
    private final Runnable step;

    Guarded(Runnable step) {
      this.step = step;
    }

    @Override
    public void run() {
      try {
        step.run();
      } catch (Throwable t) {
        fault(t);
      }
    }
  }

  /** Ends the connection for a mistake of ours, for memory that ran out or was lost. */
  final void fault(Throwable cause) {
    // First, since all else may throw: then it is closed by finishClosing.
    closing = true;
    try {
      pool.faults()
          .fault("Data connection %s is closed by a fault of this process", context, cause);
    } finally {
      onFault(cause);
    }
  }

  /** Closes the channel. */
  final void close() {
    closing = true;
    resetIfHeld();
    var _ = channel().close();
  }

  /**
   * A kernel that has not copied what it took keeps looking at its memory behind an orderly close,
   * until the other side has read it all, which it may never do. A reset has it let go at once.
   */
  private void resetIfHeld() {
    if (channel().isOpen() && outbound().isZeroCopy() && !outbound().isDrained()) {
      boolean _ = channel().config().setOption(ChannelOption.SO_LINGER, 0);
    }
  }

  /** Closes the channel when the stream so far is sent, and nobody looks at its memory any more. */
  final void closeWhenSent() {
    outbound().flush();
    var _ = channel().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(closesWhenSent);
  }

  private final class ClosesWhenSent implements ChannelFutureListener {
    @Override
    public void operationComplete(ChannelFuture sent) {
      if (!sent.isSuccess()) {
        close(); // what went before it may be held
        return;
      }
      closesWhenDrained = outbound().isZeroCopy();
      if (!closesWhenDrained || outbound().isDrained()) {
        var _ = channel().close();
      }
    }
  }

  /** Not for each write: it is looked at now and then, and before the end. */
  private void countNotCopied() {
    long bytes = outbound == null ? 0 : outbound.takeNotCopiedBytes();
    if (bytes > 0) {
      metrics.add(Counter.ZERO_COPY_BYTES_SENT, bytes);
    }
  }

  /**
   * Does what was left undone of a close in which memory ran out: Netty then leaves the channel
   * open, or does not report its end, or what it held is not given back. To be called every second
   * or so. The first call that finds something only notes it, since a close may be in progress.
   *
   * <p>Netty takes a channel whose close has thrown for one that is being closed, and then does
   * nothing more. So later calls close it behind Netty's back.
   */
  final void finishClosing() {
    countNotCopied();
    if (quiesced) {
      return;
    }
    if (!inactive && channel().isOpen() && !closing) {
      lookForReset(); // takes memory of the heap, which what is below does not
      return;
    }
    if (unfinished == 0) {
      unfinished = 1;
    } else if (channel().isOpen()) {
      unfinished++;
      if (unfinished > CLOSES_MAX) {
        resetIfHeld();
        channel().unsafe().closeForcibly();
      } else {
        close();
      }
    } else if (!inactive) {
      channelInactive(context());
    } else {
      outbound().discard();
      quiesceIfOver();
    }
  }

  /** What had come before a reset has until the next look to be read. */
  private void lookForReset() {
    boolean reset = IoBackend.isOverlookedReset(channel());
    if (reset && wasReset) {
      onEndOfStream(new IOException("Connection reset by peer"));
    }
    wasReset = reset;
  }

  @Override
  public void channelInactive(ChannelHandlerContext unused) {
    if (!inactive) {
      // An orderly end was told before. This is none, whoever closed the channel.
      onEndOfStream(new ClosedChannelException());
    }
    inactive = true;
    outbound().discard();
    quiesceIfOver();
  }

  @Override
  public int consumedBytesLimit() {
    return Integer.MAX_VALUE;
  }

  @Override
  public @Nullable StagingBlock ownBlock() {
    for (StagingBlock block : ownBlocks) {
      if (block.uses() == 1) {
        return block.take();
      }
    }
    return null;
  }

  @Override
  public void onStagingDry() {
    channel().config().setAutoRead(false);
    pool.whenFree(readsAgain);
  }

  private void readAgain() {
    channel().config().setAutoRead(true);
  }

  /** Half-closes the channel; not from here, where the outbound queue may be being walked. */
  final void closeOutputLater() {
    context().executor().execute(closesOutput);
  }

  private void closeOutput() {
    if (!closing) {
      var _ = ((DuplexChannel) channel()).shutdownOutput();
    }
  }

  /** The peer has ended its stream: what waits to be sent is sent without a pause. */
  final void writeWithoutPause() {
    channel().config().setWriteSpinCount(WRITES_AFTER_HALF_CLOSE);
  }

  @Override
  public final boolean isOpen() {
    return channel().isOpen();
  }

  @Override
  public final MemoryWindow.Owner directOwner() {
    directWindowsOut++;
    return this;
  }

  @Override
  public final void windowReleased(MemoryWindow window) {
    directWindowsOut--;
    quiesceIfOver();
  }

  /** {@return whether a read may still reach the memory that it was aimed at} */
  final boolean isDirectWindowOut() {
    return directWindowsOut > 0;
  }

  @Override
  public void outboundDrained() {
    if (closesWhenDrained) {
      var _ = channel().close();
    }
    quiesceIfOver();
  }

  private void quiesceIfOver() {
    if (inactive && !quiesced && directWindowsOut == 0 && outbound().isDrained()) {
      quiesced = true;
      boolean done = false;
      try {
        countNotCopied();
        onQuiesced();
        done = true;
      } finally {
        quiesced = done;
      }
    }
  }
}
