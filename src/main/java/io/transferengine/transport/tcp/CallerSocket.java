// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.transferengine.os.NativeCallException;
import io.transferengine.os.SocketCopy;
import org.jspecify.annotations.Nullable;

/** The socket of a Netty channel, for callers. */
final class CallerSocket implements CallerSend.Socket {
  private final SocketCopy copy;

  private CallerSocket(SocketCopy copy) {
    this.copy = copy;
  }

  /**
   * {@return one for a channel; null where Netty does not tell its number, or no descriptor is
   * left}
   */
  static @Nullable CallerSocket of(Channel channel) {
    int descriptor = IoBackend.descriptor(channel);
    if (descriptor < 0) {
      return null;
    }
    SocketCopy copy;
    try {
      copy = SocketCopy.of(descriptor);
    } catch (NativeCallException e) {
      return null; // The loop needs none.
    }
    try {
      return new CallerSocket(copy);
    } catch (Throwable t) {
      copy.close();
      throw t;
    }
  }

  @Override
  public long send(long address, long bytes) {
    return copy.send(address, bytes);
  }

  @Override
  public void shutdown() {
    copy.shutdown();
  }

  @Override
  public void close() {
    copy.close();
  }
}
