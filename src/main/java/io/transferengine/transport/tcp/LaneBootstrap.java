// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.WriteBufferWaterMark;
import java.net.InetSocketAddress;
import java.util.Map;

/** Makes the channels of a lane: options, TLS, tokens, and behind them the connection. */
final class LaneBootstrap {
  /** The lane; on its event loop. */
  interface Of {
    LaneConnection newConnection();

    /** What became of an address: the next one is tried, or it is the last word. */
    void connectElsewhere(ConnectAttempt tried, Throwable cause);

    /** {@return what to say when the other side is not accepted, or does not accept} */
    Throwable notSecured(InetSocketAddress address, Throwable cause);

    /** {@return the same, for what an exchange of tokens has come to} */
    Throwable notProved(InetSocketAddress address, Throwable cause);
  }

  /** What waits in a connection's queue before no more is claimed for it. */
  private static final WriteBufferWaterMark WATER_MARK =
      new WriteBufferWaterMark(512 << 10, 1 << 20);

  private LaneBootstrap() {}

  /** Begins to connect to one address. */
  static ChannelFuture connect(
      ConnectAttempt tried, EventLoop loop, IoBackend backend, PeerProfile profile, Of lane) {
    Bootstrap bootstrap =
        new Bootstrap()
            .group(loop)
            .channelFactory(tried.channels(backend))
            .option(ChannelOption.TCP_NODELAY, true)
            .option(ChannelOption.SO_KEEPALIVE, true)
            .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .option(ChannelOption.AUTO_CLOSE, false)
            .option(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK)
            .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, tried.shareMillis())
            .handler(
                new ChannelInitializer<>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    LaneConnection made = lane.newConnection();
                    if (profile.tls().isFor(tried.address().getAddress())) {
                      DataTls.connect(
                          channel,
                          profile.tls(),
                          tried.address(),
                          tried.shareMillis(),
                          made,
                          made::secured,
                          cause ->
                              lane.connectElsewhere(
                                  tried, lane.notSecured(tried.address(), cause)));
                    } else {
                      channel.config().setRecvByteBufAllocator(made.newReceiveAllocator());
                    }
                    if (profile.tls().token().isFor(tried.address().getAddress())) {
                      channel
                          .pipeline()
                          .addLast(
                              new TokenKnock(
                                  made,
                                  profile.tls().token(),
                                  tried.shareMillis(),
                                  cause ->
                                      lane.connectElsewhere(
                                          tried, lane.notProved(tried.address(), cause))));
                    }
                    channel.pipeline().addLast(made);
                  }
                });
    for (Map.Entry<ChannelOption<Integer>, Integer> option : backend.keepAlive().entrySet()) {
      var _ = bootstrap.option(option.getKey(), option.getValue());
    }
    return bootstrap.connect(tried.address());
  }
}
