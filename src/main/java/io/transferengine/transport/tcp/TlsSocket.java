// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelOutputShutdownException;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.transferengine.transport.Queues;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * Stands between Netty's TLS and a {@link WireHandler}, to which it looks like the socket that it
 * knows without TLS.
 *
 * <pre>
 * socket  &lt;&gt;  SslHandler  &lt;&gt;  TlsSocket  &lt;&gt;  WireHandler
 *    encrypted         plain buffers     windows
 * </pre>
 *
 * <p><b>In.</b> What was decrypted goes, by one more copy, where the {@link ReceiveAllocator} aims.
 * If nothing may be read now, it is held; that is at most what one read of the socket has brought,
 * since the socket is not read meanwhile. When all connections of the event loop hold more than
 * their {@link TlsBudget}, a read brings no more than one record ({@link OpenReads}).
 *
 * <p><b>Out.</b> Windows wait here in their order. They are copied into TLS records, and given
 * back, only as fast as the socket takes them: at most {@link #ON_THE_WAY_BYTES} are encrypted and
 * not yet the kernel's, and all connections of the event loop share a {@link TlsBudget} for what
 * goes beyond one record of each. So a body of a gigabyte needs no more memory than a small one,
 * and memory that has to be free in a moment is looked at by nobody but us. When much waits, the
 * channel counts as not writable, as without TLS.
 *
 * <p><b>Beginning and end.</b> The channel counts as active once the TLS handshake has succeeded
 * and the {@link Guard} has accepted the peer. Closing sends no farewell: the data protocol says
 * itself what is complete.
 *
 * <p>Confined to the channel's event loop.
 */
final class TlsSocket extends ChannelDuplexHandler {
  /** Who decides, and hears, about the handshake. */
  interface Guard {
    /** The handshake succeeded; throws if the peer is not accepted. */
    void verify(SSLSession session) throws SSLException;

    /** There is no TLS with the peer, and the channel closes. Called once at the most. */
    void refused(Throwable cause);
  }

  /** The most plain bytes of a TLS record. */
  static final int RECORD_BYTES = 16 << 10;

  /** Enough for one gathering write; more only waits in our memory instead of the sender's. */
  private static final int ON_THE_WAY_BYTES = 4 * RECORD_BYTES;

  /** Encrypted in a row before other channels of the event loop get their turn: a millisecond. */
  private static final int TURN_BYTES = 1 << 20;

  /** Of Netty's flags for what the handlers of a channel say about whether it may be written to. */
  private static final int WRITABILITY = 1;

  /** Waits in its place for all before it to be the kernel's. */
  private record Marker(ChannelPromise promise) {}

  private final ReceiveAllocator reads;
  private final TlsBudget budget;
  private final SSLEngine engine;
  private final Guard guard;
  private final ArrayDeque<ByteBuf> held = new ArrayDeque<>();
  private final ArrayDeque<Object> queue = new ArrayDeque<>();
  private @Nullable ChannelHandlerContext context;
  private @Nullable Throwable lost;
  private long queuedBytes;
  private int onTheWayBytes;
  private boolean connected;
  private boolean secured;
  private boolean refused;
  private boolean delivering;
  private boolean pumping;
  private boolean inputEnded;
  private boolean outputEnded;
  private boolean full;

  /** Made with the connection, for the same reason as in {@link WireHandler}. */
  private final Runnable readsHeld = new Guarded(this::readHeld);

  private final Runnable pumps = new Guarded(this::pump);

  /**
   * @param reads where what is read goes
   * @param budget what may be encrypted ahead
   * @param engine whose handshake it is
   */
  TlsSocket(ReceiveAllocator reads, TlsBudget budget, SSLEngine engine, Guard guard) {
    this.reads = reads;
    this.engine = engine;
    this.budget = budget;
    this.guard = guard;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    context = added;
  }

  private ChannelHandlerContext context() {
    ChannelHandlerContext there = context;
    if (there == null) {
      throw new IllegalStateException("The handler is not on a channel yet");
    }
    return there;
  }

  private Channel channel() {
    return context().channel();
  }

  // ---- the handshake

  @Override
  public void channelActive(ChannelHandlerContext unused) {
    // Those behind are told at the handshake's end.
    connected = true;
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext at, Object event) {
    if (event instanceof SslHandshakeCompletionEvent handshake) {
      if (handshake.isSuccess()) {
        accept(at);
      } else {
        refuse(handshake.cause());
      }
    } else if (event == ChannelInputShutdownEvent.INSTANCE && !secured) {
      refuse(new ClosedChannelException());
    } else if (event == ChannelInputShutdownEvent.INSTANCE && !held.isEmpty()) {
      inputEnded = true;
    } else {
      at.fireUserEventTriggered(event);
    }
  }

  private void accept(ChannelHandlerContext at) {
    try {
      guard.verify(engine.getSession());
    } catch (SSLException e) {
      refuse(e);
      return;
    }
    secured = true;
    at.fireChannelActive();
  }

  private void refuse(Throwable cause) {
    if (connected && !secured && !refused) {
      refused = true;
      try {
        guard.refused(cause);
      } finally {
        var _ = channel().close();
      }
    }
  }

  @Override
  @SuppressWarnings("deprecation") // of the super class's handler, not of this inbound one
  public void exceptionCaught(ChannelHandlerContext at, Throwable cause) {
    Throwable told =
        cause instanceof DecoderException && cause.getCause() != null ? cause.getCause() : cause;
    if (!secured) {
      refuse(told);
    } else {
      // To who is behind TLS, a peer that breaks its rules is a broken connection.
      at.fireExceptionCaught(
          told instanceof SSLException ? new IOException("TLS: " + told.getMessage(), told) : told);
    }
  }

  // ---- in

  @Override
  public void channelRead(ChannelHandlerContext unused, Object message) {
    ByteBuf decrypted = (ByteBuf) message;
    try {
      Queues.addLast(held, decrypted);
    } catch (Throwable t) {
      decrypted.release();
      throw t;
    }
    budget.hold(decrypted.capacity());
    deliver();
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext at) {
    if (secured) {
      at.fireChannelReadComplete();
    }
  }

  /** Hands on what is held, as long as it is wanted. */
  private void deliver() {
    if (delivering) {
      return;
    }
    delivering = true;
    try {
      while (!held.isEmpty() && channel().isOpen() && channel().config().isAutoRead()) {
        if (!deliverOne(held.getFirst())) {
          return;
        }
      }
    } finally {
      delivering = false;
    }
  }

  /** {@return whether there was a place for some of it} */
  private boolean deliverOne(ByteBuf decrypted) {
    MemoryWindow window;
    try {
      window = (MemoryWindow) reads.allocate(context().alloc());
    } catch (StagingDry dry) {
      return false;
    }
    try {
      int bytes = Math.min(window.capacity(), decrypted.readableBytes());
      window.setBytes(0, decrypted.internalNioBuffer(decrypted.readerIndex(), bytes));
      MemoryWindow.tellFaults();
      decrypted.skipBytes(bytes);
      window.setIndex(0, bytes);
    } catch (InternalError gone) {
      window.release();
      // As the kernel says it.
      context().fireExceptionCaught(badAddress(gone));
      return false;
    } catch (Throwable t) {
      window.release();
      throw t;
    }
    if (!decrypted.isReadable()) {
      letGo(held.removeFirst());
    }
    context().fireChannelRead(window);
    return true;
  }

  private static IOException badAddress(Throwable gone) {
    return new IOException("Bad address", gone);
  }

  /** Reading was switched on, or goes on. */
  @Override
  public void read(ChannelHandlerContext at) {
    if (held.isEmpty() && !inputEnded) {
      at.read();
    } else {
      // Not from here: whoever switches reading on may be in the middle of its own work.
      at.executor().execute(readsHeld);
    }
  }

  private void readHeld() {
    deliver();
    context().fireChannelReadComplete();
    if (!held.isEmpty() || delivering) {
      return;
    }
    if (inputEnded) {
      inputEnded = false;
      context().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
    } else if (channel().config().isAutoRead()) {
      context().read();
    }
  }

  /** {@return whether all that had arrived has been handed on} */
  boolean hasEmptiedSocket() {
    var handle = channel().unsafe().recvBufAllocHandle();
    return held.isEmpty()
        && (handle.attemptedBytesRead() == 0
            || handle.lastBytesRead() < handle.attemptedBytesRead());
  }

  // ---- out

  @Override
  public void write(ChannelHandlerContext at, Object message, ChannelPromise promise) {
    if (outputEnded || !channel().isOpen()) {
      drop(message, promise, closed());
      return;
    }
    boolean isWindow = message instanceof MemoryWindow;
    try {
      Queues.addLast(queue, isWindow ? message : new Marker(promise));
    } catch (Throwable t) {
      drop(message, promise, t);
      throw t;
    }
    if (message instanceof MemoryWindow window) {
      queuedBytes += window.readableBytes();
      tellWritability();
    }
  }

  private static void drop(Object message, ChannelPromise promise, Throwable why) {
    if (message instanceof MemoryWindow window) {
      window.release();
    } else {
      var _ = promise.tryFailure(why);
    }
  }

  @Override
  public void flush(ChannelHandlerContext unused) {
    pump();
  }

  private void pump() {
    if (pumping || !secured) {
      return;
    }
    pumping = true;
    try {
      completeMarkers();
      int made;
      int turn = 0;
      while (channel().isOpen() && (made = encryptSome()) > 0) {
        context().flush();
        completeMarkers();
        turn += made;
        if (turn >= TURN_BYTES && !queue.isEmpty()) {
          context().executor().execute(pumps);
          break;
        }
      }
    } finally {
      pumping = false;
    }
    tellLoss();
    tellWritability();
  }

  /** A step for the event loop: to what it throws, Netty would only lend a log. */
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
        context().fireExceptionCaught(t);
      }
    }
  }

  private int encryptSome() {
    int made = 0;
    while (onTheWayBytes < ON_THE_WAY_BYTES && isWindowNext()) {
      int ahead = onTheWayBytes > 0 ? RECORD_BYTES : 0;
      if (ahead > 0 && !budget.take(ahead)) {
        break; // The kernel's word on what is on the way brings us back.
      }
      made += encrypt(ahead);
    }
    return made;
  }

  private boolean isWindowNext() {
    return queue.peekFirst() instanceof MemoryWindow;
  }

  private void completeMarkers() {
    while (onTheWayBytes == 0 && queue.peekFirst() instanceof Marker marker) {
      var _ = queue.removeFirst();
      var _ = marker.promise.trySuccess();
    }
  }

  /**
   * Makes one record of the windows that are next.
   *
   * @param ahead what was taken of the budget for it
   * @return its plain bytes
   */
  private int encrypt(int ahead) {
    int size = (int) Math.min(RECORD_BYTES, queuedBytes);
    int bytes;
    boolean written = false;
    ByteBuf record = null;
    try {
      record = context().alloc().heapBuffer(size, RECORD_BYTES);
      fill(record, size);
      bytes = record.readableBytes();
      if (bytes > 0) {
        // All that needs memory is before the write, from which on the listener is told for
        // certain.
        ChannelPromise promise = toldWhenSent(bytes, ahead);
        onTheWayBytes += bytes;
        written = true;
        var _ = context().write(record, promise);
      }
    } finally {
      if (!written) {
        budget.giveBack(ahead);
        if (record != null) {
          record.release();
        }
      }
    }
    return bytes;
  }

  private ChannelPromise toldWhenSent(int bytes, int ahead) {
    ChannelFutureListener told = done -> sent(bytes, ahead, done);
    return context().newPromise().addListener(told);
  }

  private void fill(ByteBuf record, int size) {
    while (record.writerIndex() < size && queue.peekFirst() instanceof MemoryWindow window) {
      int at = record.writerIndex();
      int piece = Math.min(size - at, window.readableBytes());
      try {
        MemoryWindow.copy(
            window.memoryAddress() + window.readerIndex(),
            record.array(),
            record.arrayOffset() + at,
            piece);
        MemoryWindow.tellFaults();
      } catch (InternalError gone) {
        lose(gone);
        return;
      }
      record.writerIndex(at + piece);
      window.skipBytes(piece);
      queuedBytes -= piece;
      if (!window.isReadable()) {
        var _ = queue.removeFirst();
        window.release();
      }
    }
  }

  private void sent(int bytes, int ahead, ChannelFuture done) {
    // First, and without memory: Netty only logs what a listener throws.
    onTheWayBytes -= bytes;
    budget.giveBack(ahead);
    try {
      goOn(done.cause());
    } catch (Throwable t) {
      context().fireExceptionCaught(t);
    }
  }

  private void goOn(@Nullable Throwable failure) {
    if (failure != null && !outputEnded) {
      outputEnded = true;
      discard();
      if (!(failure instanceof ClosedChannelException)) {
        context().fireExceptionCaught(failure);
      }
    }
    if (!pumping) {
      pump();
    }
  }

  /** The memory of a body is gone: the stream ends within it, and nothing follows. */
  private void lose(InternalError gone) {
    outputEnded = true;
    lost = badAddress(gone);
    discard();
  }

  /** What was sent before is to arrive first. */
  private void tellLoss() {
    Throwable cause = lost;
    if (cause != null && onTheWayBytes == 0 && channel().isOpen()) {
      lost = null;
      context()
          .fireExceptionCaught(
              new ChannelOutputShutdownException("local memory cannot be read", cause));
      var _ = ((DuplexChannel) channel()).shutdownOutput();
    }
  }

  private void tellWritability() {
    ChannelOutboundBuffer below = channel().unsafe().outboundBuffer();
    boolean nowFull =
        full
            ? queuedBytes >= channel().config().getWriteBufferLowWaterMark()
            : queuedBytes > channel().config().getWriteBufferHighWaterMark();
    if (below != null && nowFull != full) {
      full = nowFull;
      below.setUserDefinedWritability(WRITABILITY, !nowFull);
    }
  }

  // ---- the end

  /** At once, past what TLS would say to the peer: it may not be there to hear it. */
  @Override
  public void close(ChannelHandlerContext at, ChannelPromise promise) {
    ChannelHandlerContext tls = at.pipeline().context(SslHandler.class);
    var _ = (tls == null ? at : tls).close(promise);
  }

  @Override
  public void channelInactive(ChannelHandlerContext at) {
    refuse(new ClosedChannelException());
    clear();
    at.fireChannelInactive();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext unused) {
    clear();
  }

  private void clear() {
    discard();
    ByteBuf buffer;
    while ((buffer = held.pollFirst()) != null) {
      letGo(buffer);
    }
  }

  private void letGo(ByteBuf decrypted) {
    budget.hold(-decrypted.capacity());
    decrypted.release();
  }

  private void discard() {
    queuedBytes = 0;
    Object next;
    while ((next = queue.pollFirst()) != null) {
      if (next instanceof MemoryWindow window) {
        window.release();
      } else if (next instanceof Marker marker) {
        var _ = marker.promise.tryFailure(closed());
      }
    }
  }

  private static ClosedChannelException closed() {
    return new ClosedChannelException();
  }
}
