// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.epoll.Epoll;
import io.transferengine.testkit.Needs;
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
  /** What a caller does with a connected socket. */
  private interface Use {
    void on(CallerSocket caller, Channel channel, Socket peer, Arena arena) throws Exception;
  }

  private static void connected(Use use) throws Exception {
    Needs.ofMachine(Epoll.isAvailable(), "Netty has no epoll for this machine");
    EventLoopGroup group = IoBackend.EPOLL.newGroup(1, 0);
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
      try (Socket peer = listener.accept()) {
        use.on(caller, channel, peer, arena);
      } finally {
        caller.close();
        channel.close().sync();
      }
    } finally {
      group.shutdownGracefully(0, 0, TimeUnit.SECONDS).sync();
    }
  }

  @Test
  void whatIsSentArrivesUntilTheSocketIsShutDown() throws Exception {
    connected(
        (caller, channel, peer, arena) -> {
          InputStream in = peer.getInputStream();
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
        });
  }

  /** The kernel says how much it takes, and never waits for more room. */
  @Test
  void aFullSocketTakesAPart() throws Exception {
    connected(
        (caller, _, _, arena) -> {
          long bytes = 64L << 20;
          MemorySegment much = arena.allocate(bytes);
          long taken;
          while ((taken = caller.send(much.address(), bytes)) == bytes) {}
          assertThat(taken).isLessThan(bytes);
          while (caller.send(much.address(), bytes) >= 0) {}
          assertThat(caller.send(much.address(), 1)).isNegative();
        });
  }

  @Test
  void whereNettyTellsNoNumberThereIsNone() {
    EmbeddedChannel channel = new EmbeddedChannel();
    assertThat(CallerSocket.of(channel)).isNull();
    var _ = channel.close();
  }
}
