// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.embedded.EmbeddedChannel;
import io.transferengine.config.Settings;
import io.transferengine.device.DeviceLibrary;
import io.transferengine.device.Devices;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.AccessControl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;

/**
 * A target's connection without a socket: what a peer sends is handed over read by read, as the
 * connection aims them, and what it answers is collected.
 */
final class FedTarget implements AutoCloseable {
  private static final Settings SETTINGS = Settings.builder().build();

  final EngineMetrics metrics = new EngineMetrics();
  final RegionTable regions = new RegionTable();
  final MemorySegment memory;
  final Region region;
  final FedChannel channel = new FedChannel();
  final TargetConnection connection;
  final WindowPool pool;
  final DeviceStaging staging;
  private final EmbeddedChannel listening;
  private final Arena arena;
  private final EventLoops loops;
  private final ReceiveAllocator allocator;

  FedTarget(long bytes) {
    this(Arena.ofShared(), bytes);
  }

  private FedTarget(Arena arena, long bytes) {
    this(arena, arena.allocate(bytes, 4096));
  }

  /**
   * As above.
   *
   * @param memory stays the caller's
   */
  FedTarget(MemorySegment memory) {
    this(Arena.ofShared(), memory);
  }

  private FedTarget(Arena arena, MemorySegment memory) {
    this.arena = arena;
    this.memory = memory;
    staging = new DeviceStaging(new Devices(FedTarget::noDriver), metrics, 8 << 20);
    TcpOptions options = TcpOptions.of(SETTINGS);
    loops =
        new EventLoops(
            IoBackend.NIO, 1, options.stagingBlockBytes(), options.stagingBytes(), metrics);
    pool = loops.pool(loops.all().getFirst());
    region = regions.register(memory.address(), memory.byteSize(), "*");
    connection =
        new TargetConnection(
            new TargetContext(
                regions,
                metrics,
                new AccessControl(Optional.empty(), new Audit(metrics)),
                options,
                () -> "0123456789abcdef",
                staging),
            channel.eventLoop(),
            pool,
            pool.join(InetAddress.getLoopbackAddress()),
            InetAddress.getLoopbackAddress(),
            _ -> {});
    channel.config().setWriteBufferWaterMark(new WriteBufferWaterMark(512 << 10, 1 << 20));
    channel.pipeline().addLast(connection);
    allocator = connection.newReceiveAllocator();
    listening = new EmbeddedChannel(new VersionOneOrder(metrics, 30).arrivals());
    listening.pipeline().fireChannelRead(channel);
    connection.takesPlace(channel.attr(VersionOneOrder.MEMBER).get());
  }

  private static DeviceLibrary noDriver() {
    throw new TransferException(ErrorCode.DEVICE_NOT_FOUND, "no driver", "");
  }

  /**
   * The same host connects once more; {@return that connection, whose event loop runs when it is
   * told to}
   */
  EmbeddedChannel acceptAnother() {
    EmbeddedChannel another = new FedChannel();
    listening.pipeline().fireChannelRead(another);
    return another;
  }

  long address() {
    return memory.address();
  }

  /** Feeds a stream of which the socket always has all; {@return how many reads that took} */
  int feed(byte[] stream) {
    int reads = 0;
    int at = 0;
    while (at < stream.length) {
      ByteBuf buffer = allocator.allocate(UnpooledByteBufAllocator.DEFAULT);
      int length = Math.min(buffer.writableBytes(), stream.length - at);
      buffer.writeBytes(stream, at, length);
      at += length;
      reads++;
      channel.pipeline().fireChannelRead(buffer);
    }
    channel.pipeline().fireChannelReadComplete();
    channel.runPendingTasks();
    return reads;
  }

  /** {@return what was answered since it was last asked} */
  byte[] answers() {
    return channel.written();
  }

  @Override
  public void close() {
    byte[] _ = answers();
    var _ = channel.close();
    var _ = listening.close();
    loops.close(Duration.ofSeconds(5));
    staging.close();
    arena.close();
  }
}
