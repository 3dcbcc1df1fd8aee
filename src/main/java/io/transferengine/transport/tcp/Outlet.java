// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.VoidChannelPromise;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Puts headers, status frames and bodies on a channel's outbound queue so that they leave in few
 * system calls: frames and small bodies are laid one after another into a staging block, large
 * bodies are looked at where they lie, and a flush hands all of it to one gathering write.
 *
 * <p>Nothing is allocated per frame or body. The outlet counts what left: after the channel has
 * closed and all its windows are back, {@link #sentBytes()} says how much of the stream the kernel
 * took. Confined to the channel's event loop.
 */
final class Outlet implements MemoryWindow.Owner {

  /** Who may want to know that nothing waits to be sent. */
  interface Listener {
    /** The last window is back: everything was sent, or the channel has dropped it. */
    void outletDrained();

    /** A body that was sent from where it lies needs its memory no more. */
    void bodyReleased(Object attachment);
  }

  /** The longest window on a body; Netty's indices are ints. */
  private static final int WINDOW_LIMIT_BYTES = 1 << 30;

  private final Channel channel;
  private final ChannelHandlerContext context;
  private final ChannelPromise promise;
  private final WindowPool pool;
  private final Listener listener;

  /** The windows on registered memory that are out, oldest first. */
  private final ArrayDeque<MemoryWindow> bodies = new ArrayDeque<>();

  private @Nullable StagingBlock block;
  private int start;
  private int position;
  private boolean unflushed;
  private int windowsOut;
  private long queuedBytes;
  private long sentBytes;

  Outlet(ChannelHandlerContext context, WindowPool pool, Listener listener) {
    this.context = context;
    this.channel = context.channel();
    this.pool = pool;
    this.listener = listener;
    // Failures are seen as the channel's end; a promise per write would be garbage.
    this.promise = new VoidChannelPromise(channel, false);
  }

  /** {@return the address of {@code bytes} bytes to fill in now, the next of the stream} */
  long reserve(int bytes) {
    StagingBlock current = block;
    if (current == null || current.capacity() - position < bytes) {
      sealAndReleaseBlock();
      current = pool.block();
      block = current;
      start = 0;
      position = 0;
    }
    long address = current.address() + position;
    position += bytes;
    queuedBytes += bytes;
    return address;
  }

  /** Copies a small body into the stream. */
  void copy(long address, int bytes) {
    MemoryWindow.copy(address, reserve(bytes), bytes);
  }

  /**
   * Puts a body into the stream that is sent from where it lies.
   *
   * @param attachment told to the listener when the body needs its memory no more; windows come
   *     back in their order, so the last of a body's carries it
   */
  void body(long address, long bytes, @Nullable Object attachment) {
    seal();
    long done = 0;
    while (done < bytes) {
      int length = (int) Math.min(bytes - done, WINDOW_LIMIT_BYTES);
      MemoryWindow window = pool.window(address + done, length, length, this);
      queuedBytes += length;
      done += length;
      bodies.addLast(window.endsAt(queuedBytes));
      if (done == bytes && attachment != null) {
        window.attach(attachment);
      }
      write(window);
    }
  }

  /**
   * {@return where in the stream the oldest body ends that is still looked at where it lies, or
   * {@link Long#MAX_VALUE}}
   */
  long oldestBodyEnd() {
    MemoryWindow oldest = bodies.peekFirst();
    return oldest == null ? Long.MAX_VALUE : oldest.streamEnd();
  }

  /** {@return whether a body that is still waiting to be sent overlaps a range of memory} */
  boolean isSendingFrom(long from, long to) {
    for (MemoryWindow window : bodies) {
      if (window.memoryAddress() < to && window.memoryAddress() + window.capacity() > from) {
        return true;
      }
    }
    return false;
  }

  /** Hands the stream so far to the kernel, as much of it as there is room for. */
  void flush() {
    sealAndReleaseBlock();
    if (unflushed) {
      unflushed = false;
      context.flush();
    }
  }

  /** {@return whether something waits for the next {@link #flush()}} */
  boolean hasUnflushed() {
    return unflushed || position > start;
  }

  /** {@return the length of the stream so far} */
  long queuedBytes() {
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
    MemoryWindow oldest = bodies.peekFirst();
    return sentBytes + (oldest == null ? 0 : oldest.readerIndex());
  }

  /** {@return whether no window is out} */
  boolean isDrained() {
    return windowsOut == 0;
  }

  /** Gives up what was not queued yet; for a channel that is closed. */
  void discard() {
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
    current.take();
    write(pool.window(current.address() + start, length, length, this).attach(current));
    start = position;
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

  private void write(MemoryWindow window) {
    windowsOut++;
    unflushed = true;
    var _ = context.write(window, promise);
  }

  @Override
  public void windowReleased(MemoryWindow window) {
    windowsOut--;
    // A closing channel takes its queue away before it drops what is in it.
    boolean sent = channel.unsafe().outboundBuffer() != null;
    sentBytes += sent ? window.capacity() : window.readerIndex();
    Object attachment = window.attachment();
    if (attachment instanceof StagingBlock staging) {
      staging.release();
    } else {
      bodies.remove(window);
      if (attachment != null) {
        listener.bodyReleased(attachment);
      }
    }
    if (windowsOut == 0) {
      listener.outletDrained();
    }
  }
}
