// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.VoidChannelPromise;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Puts headers, status frames and bodies on a channel's outbound queue so that they leave in few
 * system calls: frames and small bodies are laid one after another into a staging block, large
 * bodies are looked at where they lie, and a flush hands all of it to one gathering write.
 *
 * <p>Nothing is allocated per frame or body. It counts what left: after the channel has closed and
 * all its windows are back, {@link #sentBytes()} says how much of the stream the kernel took.
 *
 * <p><b>What throws half-way.</b> Copying can meet memory that is gone (InternalError), and there
 * may be no memory for any buffer. What is laid between {@link #begin()} and {@link #commit()} is
 * in the stream whole or, after {@link #rollBack()}, not at all; {@link MemoryWindow#tellFaults}
 * asks for what copies have met. Outside of that, {@link #reserve} and a {@link #body} of one
 * window have changed nothing when they throw.
 *
 * <p>Confined to the channel's event loop.
 */
final class OutboundStream implements FrameStream, MemoryWindow.Owner {

  /** Who may want to know that nothing waits to be sent. */
  interface Listener {
    /** The last window is back: everything was sent, or the channel has dropped it. */
    void outboundDrained();

    /** A body that was sent from where it lies needs its memory no more. */
    void bodyReleased(Object attachment);
  }

  /** Attached to a window that neither staging nor a body lies under. */
  private record Constant(Object memory) {}

  private static final Constant CONSTANT = new Constant("outlives the connection");

  /** Holds what was copied aside for as long as a window looks at it. */
  private record Aside(Arena arena, WindowPool pool, int bytes) implements AutoCloseable {
    @Override
    public void close() {
      pool.giveBackAside(bytes);
      arena.close();
    }
  }

  /** The most that is copied aside of one request. */
  static final long ASIDE_BYTES_MAX = 512L << 10;

  /** The longest window on a body; Netty's indices are ints. */
  private static final int WINDOW_LIMIT_BYTES = 1 << 30;

  private final Channel channel;
  private final ChannelHandlerContext context;
  private final ChannelPromise promise;
  private final WindowPool pool;
  private final StagingShare share;
  private final boolean encrypted;
  private final Listener listener;

  private final BodiesOut bodies = new BodiesOut();

  private final boolean zeroCopy;

  private @Nullable StagingBlock block;
  private int start;
  private int position;

  /** Whether a frame is being laid; then its windows wait in a list of their own. */
  private boolean laying;

  private @Nullable MemoryWindow frameFirst;
  private @Nullable MemoryWindow frameLast;
  private long frameFrom;

  /** Bytes before the frame that are in no window yet. */
  private int frameBefore;

  private boolean unflushed;
  private boolean flushing;
  private int windowsOut;
  private long queuedBytes;
  private long sentBytes;

  private long notCopiedBytes;

  /**
   * @param encrypted whether windows go to a {@link TlsSocket}, which copies what is in them and so
   *     keeps no memory busy, instead of to the channel's queue
   */
  OutboundStream(
      ChannelHandlerContext context,
      WindowPool pool,
      StagingShare share,
      boolean encrypted,
      Listener listener) {
    this.encrypted = encrypted;
    this.context = context;
    this.channel = context.channel();
    this.pool = pool;
    this.share = share;
    this.listener = listener;
    this.zeroCopy = IoBackend.sendsWithoutCopy(channel);
    // One for all: a promise per write would be garbage. What fails is told as an exception of the
    // channel, or else nobody would know of a window that never came into the queue.
    this.promise = new VoidChannelPromise(channel, true);
  }

  @Override
  public void begin() {
    laying = true;
    frameFrom = queuedBytes;
    frameBefore = position - start;
  }

  @Override
  public void commit() {
    laying = false;
    MemoryWindow window;
    while ((window = pollFrame()) != null) {
      send(window);
    }
  }

  /**
   * Takes back all that was laid since {@link #begin()}, as if it had never been. Of its bodies the
   * listener is not told.
   */
  @Override
  public void rollBack() {
    if (!laying) {
      return;
    }
    laying = false;
    MemoryWindow first = frameFirst;
    if (first == null) {
      position = start + frameBefore;
    } else {
      position = start;
      if (frameBefore > 0) {
        // It begins with the end of what came before the frame.
        var _ = pollFrame();
        send(first.shortenTo(frameBefore).endsAt(frameFrom));
      }
      MemoryWindow window;
      while ((window = pollFrame()) != null) {
        if (window.attachment() instanceof StagingBlock staging) {
          staging.release();
        } else if (!(window.attachment() instanceof Constant)) {
          bodies.removeNewest();
        }
        window.forget();
      }
    }
    queuedBytes = frameFrom;
  }

  private @Nullable MemoryWindow pollFrame() {
    MemoryWindow window = frameFirst;
    if (window != null) {
      frameFirst = window.next();
      window.linkTo(null);
    }
    return window;
  }

  /**
   * {@return the address of {@code bytes} bytes to fill in now, the next of the stream}
   *
   * @throws StagingDry when there is no staging left for it
   */
  @Override
  public long reserve(int bytes) {
    long address = tryReserve(bytes);
    if (address == 0) {
      throw new StagingDry();
    }
    return address;
  }

  /** {@return as {@link #reserve}, or 0 when there is no staging left for it} */
  long tryReserve(int bytes) {
    StagingBlock current = block;
    if (current == null || current.capacity() - position < bytes) {
      StagingBlock next = pool.block(share);
      if (next == null) {
        return 0;
      }
      try {
        sealAndReleaseBlock();
      } catch (Throwable t) {
        next.release();
        throw t;
      }
      current = next;
      block = next;
    }
    long address = current.address() + position;
    position += bytes;
    queuedBytes += bytes;
    return address;
  }

  /** {@return whether that much can be reserved without another block} */
  boolean hasReserved(int bytes) {
    StagingBlock current = block;
    return current != null && current.capacity() - position >= bytes;
  }

  @Override
  public void copy(long address, int bytes) {
    if (!tryCopy(address, bytes)) {
      throw new StagingDry();
    }
  }

  /** {@return whether there was staging to copy a small body into the stream} */
  boolean tryCopy(long address, int bytes) {
    long to = tryReserve(bytes);
    if (to == 0) {
      return false;
    }
    try {
      MemoryWindow.copy(address, to, bytes);
    } catch (Throwable t) {
      // What lies there now is somebody else's.
      position -= bytes;
      queuedBytes -= bytes;
      throw t;
    }
    return true;
  }

  /** Puts bytes into the stream that never change, and whose memory outlives the connection. */
  void constant(long address, int bytes) {
    constant(address, bytes, CONSTANT);
  }

  /** Puts a copy of a few bytes into the stream, be there staging or not. */
  void message(byte[] bytes) {
    long at = tryReserve(bytes.length);
    if (at != 0) {
      MemoryWindow.copy(bytes, at);
    } else {
      // Lives as long as the window that it is attached to.
      MemorySegment own = Arena.ofAuto().allocate(bytes.length);
      MemoryWindow.copy(bytes, own.address());
      constant(own.address(), bytes.length, new Constant(own));
    }
  }

  /** Puts a copy of some bytes into the stream, be there staging or not. */
  void copyOf(long address, int bytes) {
    MemorySegment own = Arena.ofAuto().allocate(bytes);
    MemoryWindow.copy(address, own.address(), bytes);
    constant(own.address(), bytes, new Constant(own));
  }

  /**
   * So many bytes of the stream came to the kernel by another way, while nothing was here; less
   * than 0 when it turns out that the last of them did not.
   */
  void sentElsewhere(int bytes) {
    queuedBytes += bytes;
    sentBytes += bytes;
  }

  private void constant(long address, int bytes, Constant memory) {
    seal();
    MemoryWindow window = pool.window(address, bytes, bytes, this).attach(memory);
    queuedBytes += bytes;
    write(window.endsAt(queuedBytes));
  }

  /**
   * Puts a body into the stream that is sent from where it lies.
   *
   * @param attachment told to the listener when the body needs its memory no more; windows come
   *     back in their order, so the last of a body's carries it. Not told when this throws
   */
  @Override
  public void body(long address, long bytes, @Nullable Object attachment) {
    seal();
    long done = 0;
    while (done < bytes) {
      int length = (int) Math.min(bytes - done, WINDOW_LIMIT_BYTES);
      MemoryWindow window = pool.window(address + done, length, length, this);
      try {
        bodies.add(window);
      } catch (Throwable t) {
        window.forget();
        throw t;
      }
      queuedBytes += length;
      done += length;
      if (done == bytes && attachment != null) {
        window.attach(attachment);
      }
      write(window.endsAt(queuedBytes));
    }
  }

  /**
   * {@return where in the stream the oldest body ends that is still looked at where it lies, or
   * {@link Long#MAX_VALUE}}
   */
  long oldestBodyEnd() {
    MemoryWindow oldest = bodies.oldest();
    return oldest == null ? Long.MAX_VALUE : oldest.streamEnd();
  }

  /** {@return whether a body whose memory is still looked at overlaps a range of memory} */
  boolean isSendingFrom(long from, long to) {
    return bodies.overlaps(from, to);
  }

  /**
   * Copies aside what is left to send of the bodies in a part of the stream, so that it may go on
   * and their memory be used for something else.
   *
   * @return whether nothing looks at their memory any more; false when a kernel that writes later
   *     may have been told of it, when more is left than {@link #ASIDE_BYTES_MAX}, or when there is
   *     no memory or no share of it left
   */
  boolean copyAside(long from, long to) {
    long left = 0;
    for (MemoryWindow window : bodies) {
      left += isWithin(window, from, to) ? window.readableBytes() : 0;
    }
    if (left == 0) {
      return true;
    }
    if (left > ASIDE_BYTES_MAX || (!encrypted && IoBackend.of(channel) == IoBackend.IO_URING)) {
      return false;
    }
    try {
      for (MemoryWindow window : bodies) {
        if (isWithin(window, from, to) && !copyAside(window)) {
          return false;
        }
      }
      if (!encrypted && IoBackend.of(channel) != IoBackend.EPOLL) {
        renewQueue();
      }
      return true;
    } catch (OutOfMemoryError | InternalError e) {
      return false;
    }
  }

  private static boolean isWithin(MemoryWindow window, long from, long to) {
    return window.streamEnd() > from
        && window.streamEnd() <= to
        && !(window.attachment() instanceof Aside);
  }

  private boolean copyAside(MemoryWindow window) {
    int bytes = window.readableBytes();
    if (!pool.takeAside(bytes)) {
      return false;
    }
    Aside aside;
    try {
      // Shared: who makes the loop's turns when it is sent may be another thread than now.
      aside = new Aside(Arena.ofShared(), pool, bytes);
    } catch (Throwable t) {
      pool.giveBackAside(bytes);
      throw t;
    }
    try {
      long copy = aside.arena.allocate(bytes).address();
      MemoryWindow.copy(window.memoryAddress() + window.readerIndex(), copy, bytes);
      MemoryWindow.tellFaults();
      window.redirect(copy, aside);
      return true;
    } catch (Throwable t) {
      aside.close();
      throw t;
    }
  }

  /** NIO's queue remembers the buffers that it made of its windows: all is queued anew. */
  private void renewQueue() {
    ChannelOutboundBuffer queue = channel.unsafe().outboundBuffer();
    if (queue == null) {
      return;
    }
    List<ByteBuf> waiting = List.of();
    int queued = 0;
    try {
      flush();
      waiting = new ArrayList<>(queue.size());
      while (queue.current() instanceof ByteBuf next) {
        waiting.add(next.retain());
        boolean _ = queue.remove();
      }
      for (; queued < waiting.size(); queued++) {
        ByteBuf next = waiting.get(queued);
        queue.addMessage(next, next.readableBytes(), promise);
      }
      queue.addFlush();
    } catch (Throwable t) {
      for (; queued < waiting.size(); queued++) {
        waiting.get(queued).release();
      }
      // It has lost a part of the stream, or looks at memory that is somebody else's by now.
      throw new IllegalStateException("The outbound queue could not be renewed", t);
    }
  }

  /** Hands the stream so far to the kernel, as much of it as there is room for. */
  void flush() {
    sealAndReleaseBlock();
    if (unflushed) {
      unflushed = false;
      flushing = true;
      try {
        context.flush();
      } finally {
        flushing = false;
      }
    }
  }

  /** {@return whether {@link #flush()} is at work: the socket took what is gone without waiting} */
  boolean isFlushing() {
    return flushing;
  }

  /** {@return whether something waits for the next {@link #flush()}} */
  boolean hasUnflushed() {
    return unflushed || position > start;
  }

  @Override
  public long queuedBytes() {
    return queuedBytes;
  }

  /** {@return how much of the stream the kernel took; exact when {@link #isDrained()}} */
  long sentBytes() {
    return sentBytes;
  }

  /** {@return whether the kernel took every byte of the stream so far} */
  boolean isSentWhole() {
    return isDrained() && !hasUnflushed() && sentBytes == queuedBytes;
  }

  /** {@return a number that grows as the kernel takes more of the stream} */
  long sentMark() {
    MemoryWindow oldest = bodies.oldest();
    return sentBytes + (oldest == null ? 0 : oldest.readerIndex());
  }

  /** {@return whether the kernel may need windows after it has taken them} */
  boolean isZeroCopy() {
    return zeroCopy;
  }

  /** {@return the bytes of windows that were sent without a copy, since this was last asked} */
  long takeNotCopiedBytes() {
    long bytes = notCopiedBytes;
    notCopiedBytes = 0;
    return bytes;
  }

  /** {@return some number of bytes that the kernel has not taken yet, encrypted or not} */
  long waitingBytes() {
    ChannelOutboundBuffer below = encrypted ? channel.unsafe().outboundBuffer() : null;
    return queuedBytes - sentMark() + (below == null ? 0 : below.totalPendingWriteBytes());
  }

  Channel channel() {
    return channel;
  }

  /** {@return whether its windows go through TLS} */
  boolean isEncrypted() {
    return encrypted;
  }

  /** {@return whether no window is out} */
  boolean isDrained() {
    return windowsOut == 0;
  }

  /** Gives up what was not queued yet; for a channel that is closed. */
  void discard() {
    rollBack();
    StagingBlock current = block;
    if (current != null) {
      block = null;
      current.release();
    }
    start = 0;
    position = 0;
  }

  private void seal() {
    StagingBlock current = block;
    if (current == null || position == start) {
      return;
    }
    int length = position - start;
    MemoryWindow window =
        pool.window(current.address() + start, length, length, this).endsAt(queuedBytes);
    window.attach(current.take());
    start = position;
    write(window);
  }

  private void sealAndReleaseBlock() {
    StagingBlock current = block;
    if (current != null) {
      seal();
      block = null;
      current.release();
    }
    start = 0;
    position = 0;
  }

  @Override
  public String toString() {
    return "%d of %d bytes sent, %d windows out, %s"
        .formatted(sentMark(), queuedBytes, windowsOut, hasUnflushed() ? "unflushed" : "flushed");
  }

  private void write(MemoryWindow window) {
    if (!laying) {
      send(window);
    } else if (frameFirst == null || frameLast == null) {
      frameFirst = window;
      frameLast = window;
    } else {
      frameLast.linkTo(window);
      frameLast = window;
    }
  }

  private void send(MemoryWindow window) {
    windowsOut++;
    unflushed = true;
    var _ = context.write(window, promise);
  }

  @Override
  public void windowReleased(MemoryWindow window) {
    windowsOut--;
    // A closing channel takes its queue away before it drops what is in it.
    boolean sent = !encrypted && channel.unsafe().outboundBuffer() != null;
    sentBytes += sent ? window.capacity() : window.readerIndex();
    if (zeroCopy && window.isShared()) {
      notCopiedBytes += window.capacity();
    }
    if (window.attachment() instanceof StagingBlock staging) {
      staging.release();
    } else if (!(window.attachment() instanceof Constant)) {
      Object told = bodies.back(window);
      if (told instanceof Aside aside) {
        aside.close();
      } else if (told != null) {
        listener.bodyReleased(told);
      }
    }
    if (windowsOut == 0) {
      listener.outboundDrained();
    }
  }
}
