// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ReflectiveChannelFactory;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A lane's try to connect to one address, of those that are tried one after another. Confined to
 * the lane's event loop.
 */
final class ConnectAttempt {
  /** Connecting, the TLS handshake and the exchange of tokens may each take its share. */
  private static final int STEPS = 3;

  /** Behind the last step's own limit: it has ended before, unless memory ran out for its end. */
  private static final int GRACE_MILLIS = 1000;

  private final List<InetSocketAddress> addresses;
  private final int index;
  private final long startNanos;
  private final InetSocketAddress address;
  private final int shareMillis;
  private final long lostNanos;
  private @Nullable Channel channel;

  /**
   * @param startNanos of the first address
   * @param leftMillis for this and all further ones
   */
  ConnectAttempt(List<InetSocketAddress> addresses, int index, long startNanos, long leftMillis) {
    this.addresses = addresses;
    this.index = index;
    this.startNanos = startNanos;
    address = addresses.get(index);
    // A share for each address left: the first may be a black hole.
    shareMillis = (int) Math.max(1, leftMillis / (addresses.size() - index));
    lostNanos =
        System.nanoTime()
            + TimeUnit.MILLISECONDS.toNanos((long) STEPS * shareMillis + GRACE_MILLIS);
  }

  /** Makes its channel, which is known from then on, whatever is thrown behind that. */
  ChannelFactory<Channel> channels(IoBackend backend) {
    ChannelFactory<Channel> factory = new ReflectiveChannelFactory<>(backend.channel());
    return new ChannelFactory<>() {
      @Override
      public Channel newChannel() {
        Channel made = factory.newChannel();
        channel = made;
        return made;
      }
    };
  }

  List<InetSocketAddress> addresses() {
    return addresses;
  }

  int index() {
    return index;
  }

  boolean hasNext() {
    return index + 1 < addresses.size();
  }

  InetSocketAddress address() {
    return address;
  }

  long startNanos() {
    return startNanos;
  }

  /** {@return how long each of its steps may take} */
  int shareMillis() {
    return shareMillis;
  }

  /** {@return its channel, as soon as there is one} */
  @Nullable Channel channel() {
    return channel;
  }

  /** {@return whether it can be told no more what became of it} */
  boolean isLost(long nowNanos) {
    return nowNanos - lostNanos > 0;
  }

  /** {@return what to say then} */
  SocketTimeoutException lost() {
    return new SocketTimeoutException("nothing came of it in time");
  }

  /** Closes its channel, if there is one. */
  void close() {
    if (channel != null) {
      var _ = channel.close();
    }
  }

  /** The same, however far Netty has come with it. */
  void abandon() {
    if (channel != null) {
      LostChannels.end(channel);
    }
  }
}
