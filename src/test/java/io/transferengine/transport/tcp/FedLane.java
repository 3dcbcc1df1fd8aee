// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.transferengine.config.Settings;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.TransferWork;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A lane's connection without a socket: what the target answers is handed over read by read, as the
 * connection aims them, and what it asks for is collected.
 */
final class FedLane implements AutoCloseable {
  /** A transfer, and how often it was told of an end. */
  static final class Work implements TransferWork.Listener {
    final TransferTask task;
    final BlockColumns blocks;
    final List<TransferState> ends = new ArrayList<>();

    /** Why it failed, in words. */
    String failure = "";

    Work(Operation operation, BlockColumns blocks) {
      this.blocks = blocks;
      SeamFinder all = new SeamFinder(new long[] {1}, new long[] {Long.MAX_VALUE});
      task = new TransferTask(operation, blocks, all, all, this);
    }

    @Override
    public void taskEnded(
        TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {
      ends.add(state);
      failure = why == null ? "" : "" + why.getMessage();
    }
  }

  private static final CallerFrames FRAMES = new CallerFrames();

  private static final class Owner implements LaneConnection.Owner {
    boolean closed;
    int load;
    volatile boolean woken;
    volatile @Nullable CallerSend callers;
    volatile CallerSend.@Nullable Socket socket;

    @Override
    public void opened(LaneConnection made) {}

    @Override
    public void wake() {
      woken = true;
    }

    @Override
    public CallerFrames callerFrames() {
      return FRAMES;
    }

    @Override
    public CallerSend.@Nullable Socket callerSocket(Channel channel) {
      return socket;
    }

    @Override
    public void letCallersSend(CallerSend made) {
      callers = made;
    }

    @Override
    public void setLoad(int requests) {
      load = requests;
    }

    @Override
    public void wakeAnother() {}

    @Override
    public boolean hasIdleLaneBeside() {
      return false;
    }

    @Override
    public void answered(int answers) {}

    @Override
    public boolean part(LaneConnection leaving) {
      return false;
    }

    @Override
    public void confirmNext(UnconfirmedWrite write) {}

    @Override
    public void closed(
        LaneConnection ended, ConnectionEnd.Reason reason, int answers, TransferException why) {
      closed = true;
    }

    @Override
    public void stagingDry() {}

    @Override
    public void stagingFree() {}
  }

  final FedChannel channel = new FedChannel();
  final LaneConnection connection;
  private final TaskQueue tasks;
  private final EventLoops loops;
  private final Owner owner = new Owner();
  private final ReceiveAllocator allocator;

  /** Towards a peer of this kind, which takes several requests on a connection. */
  FedLane(WireForm form) {
    this(form, true);
  }

  /** With {@code known} false, that is not known of it yet. */
  FedLane(WireForm form, boolean known) {
    TcpOptions options = TcpOptions.of(Settings.builder().build());
    EngineMetrics metrics = new EngineMetrics();
    loops =
        new EventLoops(
            IoBackend.NIO, 1, options.stagingBlockBytes(), options.stagingBytes(), metrics);
    PeerProfile peer = new PeerProfile("peer", form, options, metrics, PeerTls.off());
    if (known) {
      peer.learnt(ConnectionReuse.REUSED);
    }
    tasks = new TaskQueue(peer, () -> {});
    connection = new LaneConnection(owner, peer, tasks, loops.pool(loops.all().getFirst()));
    channel.pipeline().addLast(connection);
    allocator = connection.newReceiveAllocator();
  }

  void submit(Work work) {
    boolean _ = tasks.add(work.task);
  }

  /** Lets callers send by a socket that is not the channel's. */
  void letCallersSend(CallerSend.Socket socket) {
    owner.socket = socket;
  }

  /** {@return how they do, once the connection is idle} */
  @Nullable CallerSend callers() {
    return owner.callers;
  }

  /** {@return whether the lane was woken since it was last asked} */
  boolean takeWakeUp() {
    boolean was = owner.woken;
    owner.woken = false;
    return was;
  }

  /** Sends what there is room for; {@return what was sent since it was last asked} */
  byte[] requests() {
    connection.pump();
    channel.runPendingTasks();
    return channel.written();
  }

  /** The target answers with these bytes, of which the socket always has all. */
  void feed(byte[] stream) {
    int at = 0;
    while (at < stream.length && channel.isOpen()) {
      ByteBuf buffer = allocator.allocate(UnpooledByteBufAllocator.DEFAULT);
      int length = Math.min(buffer.writableBytes(), stream.length - at);
      buffer.writeBytes(stream, at, length);
      at += length;
      channel.pipeline().fireChannelRead(buffer);
    }
    channel.pipeline().fireChannelReadComplete();
    channel.runPendingTasks();
  }

  /** {@return requests out, as the lane was told} */
  int load() {
    return owner.load;
  }

  /** {@return whether the lane was told of the connection's end} */
  boolean isToldOfTheEnd() {
    return owner.closed;
  }

  /** Ends the connection, and then what is left; {@return whether the lane was told} */
  boolean end() {
    byte[] _ = requests();
    var _ = channel.close();
    channel.runPendingTasks();
    tasks.close(PeerEnd.SHUTDOWN);
    return owner.closed;
  }

  @Override
  public void close() {
    boolean _ = end();
    loops.close(Duration.ofSeconds(5));
  }
}
