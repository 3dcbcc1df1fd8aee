// SPDX-License-Identifier: Apache-2.0
package example.shuffle;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.DefaultFileRegion;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.FixedLengthFrameDecoder;
import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.RegistrationOptions;
import io.transferengine.access.AccessRights;
import io.transferengine.netty.ByteBufArenas;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;

/**
 * The process that has the blocks: in buffers of Netty's pool, as a data system has what it has
 * just computed, and in a file, as it has what it spilled. They can be had both ways.
 */
final class MapSide {
  /**
   * Numbers of a block in the table: its address, its length, where it is in the file, a checksum.
   */
  static final int COLUMNS = 4;

  private MapSide() {}

  /** Arguments: the number of blocks, and the most bytes of one. Ends with standard input. */
  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[0]);
    int most = Integer.parseInt(args[1]);
    Path spill = Files.createTempFile("shuffle", ".spill");
    spill.toFile().deleteOnExit(); // by a signal, too
    EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    try (Engine engine =
            Engine.open(EngineConfig.fromEnvironment("127.0.0.1").protocol("tcp").build());
        ByteBufArenas arenas =
            new ByteBufArenas(
                engine, RegistrationOptions.DEFAULT.withRights(AccessRights.READ_ONLY));
        Allocation table =
            engine.allocate((long) count * COLUMNS * Long.BYTES, AccessRights.READ_ONLY);
        FileChannel file = FileChannel.open(spill, StandardOpenOption.READ)) {
      List<ByteBuf> blocks = make(count, most);
      blocks.forEach(arenas::register);
      fill(table.segment(), blocks, spill);
      Channel server = serve(loops, file);
      int port = ((InetSocketAddress) server.localAddress()).getPort();
      System.out.printf(
          "ready %s %d %d %d%n", engine.segmentName(), table.address(), port, arenas.size());
      System.in.transferTo(OutputStream.nullOutputStream());
      blocks.forEach(ByteBuf::release);
    } finally {
      loops.shutdownGracefully();
      Files.delete(spill);
    }
  }

  private static List<ByteBuf> make(int count, int most) {
    Random random = new Random(5);
    List<ByteBuf> blocks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      byte[] bytes = new byte[most / 2 + random.nextInt(most / 2 + 1)];
      random.nextBytes(bytes);
      blocks.add(
          PooledByteBufAllocator.DEFAULT
              .directBuffer(bytes.length, bytes.length)
              .writeBytes(bytes));
    }
    return blocks;
  }

  private static void fill(MemorySegment table, List<ByteBuf> blocks, Path spill)
      throws IOException {
    long offset = 0;
    try (FileChannel out = FileChannel.open(spill, StandardOpenOption.WRITE)) {
      for (int i = 0; i < blocks.size(); i++) {
        ByteBuf block = blocks.get(i);
        long[] row = {
          MemorySegment.ofBuffer(block.nioBuffer()).address(),
          block.readableBytes(),
          offset,
          checksum(block)
        };
        MemorySegment.copy(
            row, 0, table, ValueLayout.JAVA_LONG, (long) i * COLUMNS * Long.BYTES, COLUMNS);
        block.getBytes(block.readerIndex(), out, offset, block.readableBytes());
        offset += block.readableBytes();
      }
    }
  }

  static long checksum(ByteBuf block) {
    CRC32C checksum = new CRC32C();
    checksum.update(block.nioBuffer());
    return checksum.getValue();
  }

  /** A request is an offset and a length; the answer is those bytes, sent by the kernel. */
  private static Channel serve(EventLoopGroup loops, FileChannel file) {
    return new ServerBootstrap()
        .group(loops)
        .channel(NioServerSocketChannel.class)
        .childHandler(
            new ChannelInitializer<Channel>() {
              @Override
              protected void initChannel(Channel channel) {
                channel
                    .pipeline()
                    .addLast(new FixedLengthFrameDecoder(2 * Long.BYTES), new Regions(file));
              }
            })
        .bind(InetAddress.getLoopbackAddress(), 0)
        .syncUninterruptibly()
        .channel();
  }

  private static final class Regions extends ChannelInboundHandlerAdapter {
    private final FileChannel file;

    Regions(FileChannel file) {
      this.file = file;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      ByteBuf request = (ByteBuf) message;
      try {
        long offset = request.readLong();
        long length = request.readLong();
        // A region closes its file when it has been sent. The file is for all of them.
        DefaultFileRegion region =
            new DefaultFileRegion(file, offset, length) {
              @Override
              protected void deallocate() {}
            };
        context.writeAndFlush(region);
      } finally {
        request.release();
      }
    }
  }
}
