// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.epoll.Epoll;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Beside Netty's own descriptor of a real socket. */
@Timeout(60)
class CallerSocketTest {
  @Test
  void whatIsSentArrivesUntilTheSocketIsShutDown() throws Exception {
    assumeTrue(Epoll.isAvailable());
    EventLoopGroup group = IoBackend.EPOLL.newGroup(1);
    try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Arena arena = Arena.ofConfined()) {
      Channel channel =
          new Bootstrap()
              .group(group)
              .channel(IoBackend.EPOLL.channel())
              .handler(new ChannelInboundHandlerAdapter())
              .connect(listener.getLocalSocketAddress())
              .sync()
              .channel();
      CallerSocket caller = Objects.requireNonNull(CallerSocket.of(channel));
      try (Socket accepted = listener.accept()) {
        InputStream in = accepted.getInputStream();
        MemorySegment text = arena.allocateFrom("abcd", StandardCharsets.US_ASCII);
        assertThat(caller.send(text.address(), 4)).isEqualTo(4);
        assertThat(in.readNBytes(4)).asString(StandardCharsets.US_ASCII).isEqualTo("abcd");

        // Its number may be another socket's by now; the caller's is not.
        channel.close().sync();
        assertThat(caller.send(text.address(), 2)).isEqualTo(2);
        assertThat(in.readNBytes(2)).asString(StandardCharsets.US_ASCII).isEqualTo("ab");

        caller.shutdown();
        assertThat(caller.send(text.address(), 4)).isNegative();
        assertThat(in.read()).isEqualTo(-1);
      } finally {
        caller.close();
      }
    } finally {
      group.shutdownGracefully(0, 0, TimeUnit.SECONDS).sync();
    }
  }

  /** The kernel says how much it takes, and never waits for more room. */
  @Test
  void aFullSocketTakesAPart() throws Exception {
    assumeTrue(Epoll.isAvailable());
    EventLoopGroup group = IoBackend.EPOLL.newGroup(1);
    try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Arena arena = Arena.ofConfined()) {
      Channel channel =
          new Bootstrap()
              .group(group)
              .channel(IoBackend.EPOLL.channel())
              .handler(new ChannelInboundHandlerAdapter())
              .connect(listener.getLocalSocketAddress())
              .sync()
              .channel();
      CallerSocket caller = Objects.requireNonNull(CallerSocket.of(channel));
      try (Socket _ = listener.accept()) {
        long bytes = 64L << 20;
        MemorySegment much = arena.allocate(bytes);
        long taken;
        while ((taken = caller.send(much.address(), bytes)) == bytes) {}
        assertThat(taken).isLessThan(bytes);
        while (caller.send(much.address(), bytes) >= 0) {}
        assertThat(caller.send(much.address(), 1)).isNegative();
      } finally {
        caller.close();
        channel.close().sync();
      }
    } finally {
      group.shutdownGracefully(0, 0, TimeUnit.SECONDS).sync();
    }
  }

  @Test
  void whereNettyTellsNoNumberThereIsNone() {
    EmbeddedChannel channel = new EmbeddedChannel();
    assertThat(CallerSocket.of(channel)).isNull();
    var _ = channel.close();
  }
}
