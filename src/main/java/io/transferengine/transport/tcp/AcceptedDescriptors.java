// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;
import io.transferengine.os.NativeCallException;
import io.transferengine.os.SystemCalls;
import java.util.Optional;
import java.util.function.IntConsumer;

/**
 * Closes descriptors that Netty's epoll loses. It accepts a connection, tells it to this allocator
 * as the number of bytes read, and makes a channel for it. If memory runs out in between, nobody
 * else knows of the descriptor: its peer would wait until this process ends. On the event loop of
 * the listener.
 */
final class AcceptedDescriptors extends DefaultMaxMessagesRecvByteBufAllocator {
  /** No buffers are read: any size will do. */
  private static final int GUESS_BYTES = 128;

  /** As many as with Netty's own for listeners. */
  private static final int AT_ONCE = 16;

  private static final int NONE = -1;

  private final Optional<SystemCalls> system;
  private final IntConsumer onAccept;
  private int untaken = NONE;

  AcceptedDescriptors(SystemCalls system) {
    this(system, _ -> {});
  }

  private AcceptedDescriptors() {
    this(Optional.empty(), _ -> {});
  }

  /** {@return one for listeners that do not tell descriptors, on whatever system} */
  static AcceptedDescriptors none() {
    return new AcceptedDescriptors();
  }

  /**
   * For tests.
   *
   * @param onAccept told of each descriptor; what it throws is thrown where memory may run out
   */
  AcceptedDescriptors(SystemCalls system, IntConsumer onAccept) {
    this(Optional.of(system), onAccept);
  }

  private AcceptedDescriptors(Optional<SystemCalls> system, IntConsumer onAccept) {
    super(AT_ONCE);
    // Numbers of descriptors do not say whether there are more.
    respectMaybeMoreData(false);
    this.system = system;
    this.onAccept = onAccept;
  }

  @Override
  public ExtendedHandle newHandle() {
    return new MaxMessageHandle() {
      @Override
      public int guess() {
        return GUESS_BYTES;
      }

      @Override
      public void lastBytesRead(int descriptor) {
        super.lastBytesRead(descriptor);
        if (descriptor >= 0) {
          closeLost();
          untaken = descriptor;
          onAccept.accept(descriptor);
        }
      }

      @Override
      public void readComplete() {
        closeLost();
      }
    };
  }

  /** The descriptor that was accepted last has its channel. */
  void taken() {
    untaken = NONE;
  }

  /** Closes the descriptor that was accepted last, unless it has a channel. */
  void closeLost() {
    if (untaken == NONE) {
      return;
    }
    try {
      system.orElseThrow().close(untaken);
    } catch (NativeCallException e) {
      // Linux has closed it all the same.
    } catch (OutOfMemoryError e) {
      return; // Next time.
    }
    untaken = NONE;
  }
}
