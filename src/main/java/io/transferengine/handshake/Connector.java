// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.logging.SystemError;
import io.transferengine.net.HeapRoom;
import io.transferengine.net.KeepAlive;
import io.transferengine.net.Resolver;
import io.transferengine.net.Watchdog;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Connects to a peer by name. It tries the name's addresses in the resolver's order until one
 * answers. One deadline covers the look-up and all attempts. An address that stays silent may use
 * only its share of the time that is left.
 */
final class Connector {
  /** The least share of an address: enough to connect across a continent. */
  private static final long SHARE_MIN_MILLIS = 250;

  private Connector() {}

  /**
   * @param deadlineNanos of {@link System#nanoTime}
   * @throws TransferException DNS or SOCKET, naming the peer
   */
  static SocketChannel connect(HostPort peer, long deadlineNanos) {
    return connect(peer, resolve(peer, deadlineNanos), deadlineNanos);
  }

  static SocketChannel connect(HostPort peer, InetAddress[] addresses, long deadlineNanos) {
    IOException last = null;
    int tried = 0;
    for (int i = 0; i < addresses.length; i++) {
      long leftMillis = millisUntil(deadlineNanos);
      if (leftMillis < 1 && tried > 0) {
        break;
      }
      long share = Math.max(SHARE_MIN_MILLIS, leftMillis / (addresses.length - i));
      tried++;
      try {
        return connect(
            new InetSocketAddress(addresses[i], peer.port()),
            Math.clamp(Math.min(share, leftMillis), 1, Integer.MAX_VALUE));
      } catch (IOException e) {
        if (Thread.currentThread().isInterrupted()) {
          throw interrupted(peer, e);
        }
        last = e;
      }
    }
    throw unreachable(peer, tried, last);
  }

  private static SocketChannel connect(InetSocketAddress address, int timeoutMillis)
      throws IOException {
    HeapRoom.require();
    SocketChannel channel = SocketChannel.open();
    try {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      KeepAlive.set(channel);
      channel.socket().connect(address, timeoutMillis);
      return channel;
    } catch (Throwable e) {
      Watchdog.closeQuietly(channel);
      throw e;
    }
  }

  private static InetAddress[] resolve(HostPort peer, long deadlineNanos) {
    try {
      return Resolver.addresses(peer.host(), Math.max(1, millisUntil(deadlineNanos)));
    } catch (UnknownHostException e) {
      throw unresolved(peer, "cannot be resolved: " + SystemError.text(e), e);
    } catch (TimeoutException e) {
      throw unresolved(peer, "is still being resolved at the end of the connect time-out", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw interrupted(peer, e);
    }
  }

  private static TransferException unresolved(HostPort peer, String why, Exception cause) {
    return TransferException.withPeer(
        peer.toString(),
        ErrorCode.DNS,
        "the host name \"" + peer.host() + "\" " + why,
        SystemError.remedy(
            cause, "Check its spelling, /etc/hosts and the name server, or use the address"),
        cause);
  }

  private static TransferException unreachable(
      HostPort peer, int tried, @Nullable IOException cause) {
    if (cause == null || cause instanceof SocketTimeoutException) {
      return TransferException.withPeer(
          peer.toString(),
          ErrorCode.SOCKET,
          "no answer within the connect time-out (" + tried + " addresses tried)",
          "Is the host up, and does a firewall drop its packets? See MC_HANDSHAKE_CONNECT_TIMEOUT",
          cause);
    }
    return TransferException.withPeer(
        peer.toString(),
        ErrorCode.SOCKET,
        "cannot connect (" + tried + " addresses tried): " + SystemError.text(cause),
        SystemError.remedy(
            cause,
            "Nothing listens at " + peer + "; is the peer running, and is this its RPC port?"),
        cause);
  }

  static TransferException interrupted(HostPort peer, Exception cause) {
    return TransferException.withPeer(
        peer.toString(), ErrorCode.CANCELED, "the thread was interrupted", "", cause);
  }

  static long millisUntil(long deadlineNanos) {
    return (deadlineNanos - System.nanoTime()) / 1_000_000;
  }
}
