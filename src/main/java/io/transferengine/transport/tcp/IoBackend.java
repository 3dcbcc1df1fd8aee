// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.ReflectiveChannelFactory;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringChannelOption;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import io.transferengine.net.KeepAlive;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TransferException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The kernel interface under Netty: epoll where there is one, io_uring on request, else NIO. */
enum IoBackend {
  EPOLL,
  IO_URING,
  NIO;

  private static final Logger log = LoggerFactory.getLogger(IoBackend.class);

  /** A state of Linux, see tcp_states.h. */
  private static final int TCP_CLOSE = 7;

  /**
   * {@return the one that an option asks for}
   *
   * @throws TransferException when it cannot be used here
   */
  static IoBackend of(TcpIo option) {
    return switch (option) {
      case AUTO -> epollOrNio();
      case EPOLL -> require(EPOLL);
      case IO_URING -> require(IO_URING);
      case NIO -> NIO;
    };
  }

  /** {@return the one that a channel is of} */
  static IoBackend of(Channel channel) {
    if (channel instanceof EpollSocketChannel) {
      return EPOLL;
    }
    return channel instanceof IoUringSocketChannel ? IO_URING : NIO;
  }

  /** {@return the number of a channel's socket; -1 where Netty does not tell} */
  static int descriptor(Channel channel) {
    return channel instanceof EpollSocketChannel epoll ? epoll.fd().intValue() : -1;
  }

  /** Has a channel send from so many bytes on without a copy of the kernel's; 0 = never. */
  void sendWithoutCopy(Channel channel, int fromBytes) {
    if (fromBytes > 0 && this == IO_URING) {
      boolean _ =
          channel
              .config()
              .setOption(IoUringChannelOption.IO_URING_WRITE_ZERO_COPY_THRESHOLD, fromBytes);
    }
  }

  /** {@return whether it may send without a copy of the kernel's} */
  static boolean sendsWithoutCopy(Channel channel) {
    return of(channel) == IO_URING
        && channel.config().getOption(IoUringChannelOption.IO_URING_WRITE_ZERO_COPY_THRESHOLD) > 0;
  }

  /**
   * {@return whether Netty takes a connection for open that the peer has reset} Its io_uring loses
   * the word of a reset that comes while it reads (seen in 4.2.18).
   */
  static boolean isOverlookedReset(Channel channel) {
    return channel instanceof IoUringSocketChannel uring
        && uring.isActive()
        && uring.tcpInfo().state() == TCP_CLOSE;
  }

  private static IoBackend epollOrNio() {
    Throwable unavailable = EPOLL.unavailabilityCause();
    if (unavailable == null) {
      return EPOLL;
    }
    log.info("TCP runs on NIO: {}", NettyNatives.problem("epoll", unavailable));
    return NIO;
  }

  /** {@return why Netty cannot use it, or null} Its classes may be missing as well. */
  private @Nullable Throwable unavailabilityCause() {
    try {
      return switch (this) {
        case EPOLL -> Epoll.isAvailable() ? null : Epoll.unavailabilityCause();
        case IO_URING -> IoUring.isAvailable() ? null : IoUring.unavailabilityCause();
        case NIO -> null;
      };
    } catch (LinkageError e) {
      return e;
    }
  }

  private static IoBackend require(IoBackend backend) {
    Throwable unavailable = backend.unavailabilityCause();
    if (unavailable != null) {
      String name = backend.name().toLowerCase(Locale.ROOT);
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          "TE_TCP_IO asks for " + name + ", but " + NettyNatives.problem(name, unavailable),
          NettyNatives.remedy(name),
          unavailable);
    }
    return backend;
  }

  /** {@return the options that have the kernel ask silent peers, see {@link KeepAlive}} */
  Map<ChannelOption<Integer>, Integer> keepAlive() {
    return switch (this) {
      case EPOLL ->
          keepAlive(
              EpollChannelOption.TCP_KEEPIDLE,
              EpollChannelOption.TCP_KEEPINTVL,
              EpollChannelOption.TCP_KEEPCNT);
      case IO_URING ->
          keepAlive(
              IoUringChannelOption.TCP_KEEPIDLE,
              IoUringChannelOption.TCP_KEEPINTVL,
              IoUringChannelOption.TCP_KEEPCNT);
      case NIO ->
          keepAlive(
              NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPIDLE),
              NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPINTERVAL),
              NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPCOUNT));
    };
  }

  /**
   * {@return the option that has the kernel take no more of what we send while it has more than so
   * many bytes that it has not sent yet} Empty with NIO: Java does not know it.
   */
  Optional<ChannelOption<Long>> unsentLimit() {
    return switch (this) {
      case EPOLL -> Optional.of(EpollChannelOption.TCP_NOTSENT_LOWAT);
      case IO_URING -> Optional.of(IoUringChannelOption.TCP_NOTSENT_LOWAT);
      case NIO -> Optional.empty();
    };
  }

  private static Map<ChannelOption<Integer>, Integer> keepAlive(
      ChannelOption<Integer> idle, ChannelOption<Integer> interval, ChannelOption<Integer> probes) {
    return Map.of(
        idle, KeepAlive.IDLE_SECONDS,
        interval, KeepAlive.INTERVAL_SECONDS,
        probes, KeepAlive.PROBES);
  }

  /**
   * {@return event loops}
   *
   * @param busyPollNanos how long they look for something to do before they sleep; 0 for not at all
   */
  EventLoopGroup newGroup(int threads, long busyPollNanos) {
    return SteadyLoop.group(threads, BusyPoll.around(handlers(), busyPollNanos));
  }

  /** {@return a group of one loop, whose turns callers may make} */
  EventLoopGroup newSharedGroup() {
    return SharedLoop.group(handlers());
  }

  private IoHandlerFactory handlers() {
    return switch (this) {
      case EPOLL -> EpollIoHandler.newFactory();
      case IO_URING -> IoUringIoHandler.newFactory();
      case NIO -> NioIoHandler.newFactory();
    };
  }

  Class<? extends SocketChannel> channel() {
    return switch (this) {
      case EPOLL -> EpollSocketChannel.class;
      case IO_URING -> IoUringSocketChannel.class;
      case NIO -> NioSocketChannel.class;
    };
  }

  /** {@return what makes listening channels} The classes of the others may be missing. */
  ChannelFactory<? extends ServerSocketChannel> listeners() {
    return switch (this) {
      case EPOLL -> new ReflectiveChannelFactory<>(EpollServerSocketChannel.class);
      case IO_URING -> new ReflectiveChannelFactory<>(IoUringServerSocketChannel.class);
      case NIO -> NioListener::new;
    };
  }
}
