// SPDX-License-Identifier: Apache-2.0
package example.shuffle;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** What a shuffle does without one-sided reads: asks for file regions over one connection. */
final class FileFetch implements AutoCloseable {
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private final Channel channel;
  private final Receiver receiver = new Receiver();

  FileFetch(int port) {
    channel =
        new Bootstrap()
            .group(loops)
            .channel(NioSocketChannel.class)
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel made) {
                    made.pipeline().addLast(receiver);
                  }
                })
            .connect(InetAddress.getLoopbackAddress(), port)
            .syncUninterruptibly()
            .channel();
  }

  /** Fills empty buffers, one after another; all requests are sent at once. */
  void fetch(long[] offsets, List<ByteBuf> into) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    channel.eventLoop().execute(() -> receiver.begin(into, done));
    ByteBuf requests = channel.alloc().buffer(offsets.length * 2 * Long.BYTES);
    for (int i = 0; i < offsets.length; i++) {
      requests.writeLong(offsets[i]).writeLong(into.get(i).capacity());
    }
    channel.writeAndFlush(requests);
    done.join();
  }

  /** Used on the event loop only. */
  private static final class Receiver extends ChannelInboundHandlerAdapter {
    private List<ByteBuf> into = List.of();
    private CompletableFuture<Void> done = new CompletableFuture<>();
    private int next;

    void begin(List<ByteBuf> buffers, CompletableFuture<Void> whenDone) {
      into = buffers;
      done = whenDone;
      next = 0;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      ByteBuf bytes = (ByteBuf) message;
      try {
        while (bytes.isReadable()) {
          ByteBuf block = into.get(next);
          block.writeBytes(bytes, Math.min(bytes.readableBytes(), block.writableBytes()));
          if (!block.isWritable()) {
            next++;
          }
        }
      } finally {
        bytes.release();
      }
      if (next == into.size()) {
        done.complete(null);
      }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      done.completeExceptionally(new IllegalStateException("the connection is closed"));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      done.completeExceptionally(cause);
    }
  }

  @Override
  public void close() {
    channel.close().syncUninterruptibly();
    loops.shutdownGracefully();
  }
}
