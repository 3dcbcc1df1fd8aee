// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.TcpIo;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Event loops that meet what cannot even be logged, as in a full heap. */
@Timeout(120)
class SteadyLoopTest {
  private static final int SIZE = 4096;

  /** Whoever wants to say what happened gets an error of his own. */
  private static final class Unspeakable extends Error {
    private static final long serialVersionUID = 1;

    Unspeakable() {
      super(null, null, false, false);
    }

    @Override
    public String getMessage() {
      throw new OutOfMemoryError("meant to be thrown, by a log");
    }

    @Override
    public String toString() {
      return getMessage();
    }
  }

  /** A target on the only loop there is. */
  private static final class Target extends ServedTarget {
    final EventLoop loop = loops.next();

    Target(TcpIo io) {
      super(io, SIZE, 7, () -> "");
    }

    /** Has a handler of the listener behind the first, which is the server's. */
    void handleNext(String name, ChannelHandler handler) throws Exception {
      Channel listener = Objects.requireNonNull(server.listener());
      String first = listener.pipeline().names().getFirst();
      // On the loop, to be there at once.
      loop.submit(() -> listener.pipeline().addAfter(first, name, handler))
          .get(20, TimeUnit.SECONDS);
    }

    void assertServes(Socket peer) throws IOException {
      peer.getOutputStream().write(header(8, 0, 0x80));
      assertThat(peer.getInputStream().readNBytes(8)).hasSize(8);
      byte[] there = Mapped.at(memory.address(), 8).toArray(ValueLayout.JAVA_BYTE);
      assertThat(peer.getInputStream().readNBytes(8)).isEqualTo(there);
    }

    @Override
    public void close() throws IOException {
      super.close();
      assertThat(loop.isTerminated()).as("ended").isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"AUTO", "NIO", "IO_URING"})
  void aTaskThatThrowsWhatCannotBeLoggedEndsNoLoop(TcpIo io) throws Exception {
    try (Target target = new Target(io);
        Socket before = target.peer()) {
      target.assertServes(before);
      CountDownLatch after = new CountDownLatch(100);
      for (int i = 0; i < 100; i++) {
        target.loop.execute(
            () -> {
              throw new Unspeakable();
            });
        target.loop.execute(after::countDown);
      }

      assertThat(after.await(20, TimeUnit.SECONDS)).as("tasks beside").isTrue();
      target.assertServes(before);
      try (Socket later = target.peer()) {
        target.assertServes(later);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"AUTO", "NIO", "IO_URING"})
  void aConnectionThatThrowsWhatCannotBeLoggedEndsNoLoop(TcpIo io) throws Exception {
    try (Target target = new Target(io);
        Socket before = target.peer();
        ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      target.assertServes(before);
      CountDownLatch thrown = new CountDownLatch(1);
      Channel bad = connect(target, listener, thrown);
      try (Socket there = listener.accept()) {
        there.getOutputStream().write(1);
        assertThat(thrown.await(20, TimeUnit.SECONDS)).as("thrown").isTrue();
        target.assertServes(before);
        assertThat(target.loop.submit(() -> 5).get(20, TimeUnit.SECONDS)).isEqualTo(5);
        try (Socket later = target.peer()) {
          target.assertServes(later);
        }
      } finally {
        assertThat(bad.close().await(20, TimeUnit.SECONDS)).isTrue();
      }
    }
  }

  private static Channel connect(Target target, ServerSocket listener, CountDownLatch thrown)
      throws InterruptedException {
    return new Bootstrap()
        .group(target.loop)
        .channel(target.backend.channel())
        .handler(
            new ChannelInboundHandlerAdapter() {
              @Override
              public void channelRead(ChannelHandlerContext context, Object message) {
                thrown.countDown();
                throw new Unspeakable();
              }

              @Override
              @SuppressWarnings("deprecation") // of the super class's handler
              public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
                throw new Unspeakable();
              }
            })
        .connect(new InetSocketAddress(listener.getInetAddress(), listener.getLocalPort()))
        .sync()
        .channel();
  }

  /** As memory does behind an accept. */
  private static final class RunsOutOnce extends DefaultMaxMessagesRecvByteBufAllocator {
    final AtomicInteger looks = new AtomicInteger();

    @Override
    public ExtendedHandle newHandle() {
      return new MaxMessageHandle() {
        @Override
        public int guess() {
          return 1;
        }

        @Override
        public boolean continueReading() {
          if (looks.incrementAndGet() == 1) {
            throw new OutOfMemoryError("meant to be thrown");
          }
          return super.continueReading();
        }
      };
    }
  }

  /** Netty's own with NIO closes itself then. */
  @Test
  void aListenerStaysWhenMemoryRunsOutInAnAccept() throws Exception {
    try (Target target = new Target(TcpIo.NIO)) {
      RunsOutOnce memory = new RunsOutOnce();
      Channel listener = Objects.requireNonNull(target.server.listener());
      target
          .loop
          .submit(() -> listener.config().setRecvByteBufAllocator(memory))
          .get(20, TimeUnit.SECONDS);
      try (Socket first = target.peer()) {
        target.assertServes(first);
        try (Socket later = target.peer()) {
          target.assertServes(later);
        }
      }
      assertThat(memory.looks.get()).as("also after it has thrown").isGreaterThan(1);
    }
  }

  /** Netty then pauses; the end of the pause may be lost for want of memory. */
  @Test
  void aListenerThatWasPausedForGoodAcceptsAgain() throws Exception {
    try (Target target = new Target(TcpIo.AUTO)) {
      Channel listener = Objects.requireNonNull(target.server.listener());
      target.loop.submit(() -> listener.config().setAutoRead(false)).get(20, TimeUnit.SECONDS);
      try (Socket later = target.peer()) {
        target.assertServes(later);
      }
    }
  }

  /** As when memory runs out while Netty registers it, which Netty does not notice. */
  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"AUTO", "NIO", "IO_URING"})
  void anAcceptedConnectionThatNettyLosesIsClosed(TcpIo io) throws Exception {
    try (Target target = new Target(io)) {
      Channel listener = Objects.requireNonNull(target.server.listener());
      ChannelInboundHandlerAdapter loses =
          new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext context, Object message) {
              // Nobody hears of it.
            }
          };
      target.handleNext("loses", loses);
      try (Socket lost = target.peer()) {
        assertThat(lost.getInputStream().read()).isEqualTo(-1);
      }
      listener.pipeline().remove("loses");
      try (Socket later = target.peer()) {
        target.assertServes(later);
      }
    }
  }

  /** As above, a moment later: it is registered, and what Netty tells of that is lost. */
  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"AUTO", "NIO", "IO_URING"})
  void anAcceptedConnectionThatIsRegisteredAndThenLostIsClosed(TcpIo io) throws Exception {
    try (Target target = new Target(io)) {
      Channel listener = Objects.requireNonNull(target.server.listener());
      ChannelInboundHandlerAdapter spoils =
          new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext context, Object message) {
              ((Channel) message).pipeline().addFirst(new Silent());
              context.fireChannelRead(message);
            }
          };
      target.handleNext("spoils", spoils);
      try (Socket lost = target.peer()) {
        assertThat(lost.getInputStream().read()).isEqualTo(-1);
      }
      listener.pipeline().remove("spoils");
      try (Socket later = target.peer()) {
        target.assertServes(later);
      }
    }
  }

  /** Those behind it hear nothing of a channel's beginning. */
  private static final class Silent extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRegistered(ChannelHandlerContext context) {}

    @Override
    public void channelActive(ChannelHandlerContext context) {
      throw new Unspeakable();
    }

    @Override
    @SuppressWarnings("deprecation") // of the super class's handler
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      throw new Unspeakable();
    }
  }

  /** Takes a task only when it is not told to refuse. */
  private static final class Refusing extends ConcurrentLinkedQueue<Runnable> {
    private static final long serialVersionUID = 1;
    final AtomicInteger refusals = new AtomicInteger();

    @Override
    public boolean offer(Runnable task) {
      if (refusals.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
        throw new OutOfMemoryError("meant to be thrown");
      }
      return super.offer(task);
    }
  }

  @Test
  void aScheduledTaskIsKeptWhileThereIsNoRoomToRunIt() throws Exception {
    Refusing tasks = new Refusing();
    EventLoopGroup group = SteadyLoop.group(1, NioIoHandler.newFactory(), () -> tasks);
    try {
      CountDownLatch runs = new CountDownLatch(5);
      Runnable run =
          () -> {
            runs.countDown();
            tasks.refusals.set(3);
          };
      var _ = group.next().scheduleAtFixedRate(run, 1, 1, TimeUnit.MILLISECONDS);

      assertThat(runs.await(20, TimeUnit.SECONDS)).isTrue();
    } finally {
      end(group);
    }
  }

  @Test
  void whoHandsInATaskHearsThatThereIsNoRoom() throws Exception {
    Refusing tasks = new Refusing();
    EventLoopGroup group = SteadyLoop.group(1, NioIoHandler.newFactory(), () -> tasks);
    try {
      tasks.refusals.set(1);
      assertThatThrownBy(() -> group.next().execute(() -> {})).isInstanceOf(OutOfMemoryError.class);
      assertThat(group.next().submit(() -> 5).get(20, TimeUnit.SECONDS)).isEqualTo(5);
    } finally {
      end(group);
    }
  }

  private static void end(EventLoopGroup group) throws InterruptedException {
    assertThat(group.shutdownGracefully(0, 5, TimeUnit.SECONDS).await(20, TimeUnit.SECONDS))
        .isTrue();
  }

  @Test
  void aThreadThatCouldNotBeginTriesAgain() {
    AtomicInteger tries = new AtomicInteger();
    new SteadyLoop.Start(Runnable::run)
        .execute(
            () -> {
              if (tries.incrementAndGet() < 3) {
                throw new Unspeakable();
              }
            });
    assertThat(tries).hasValue(3);

    SteadyLoop.Start begun = new SteadyLoop.Start(Runnable::run);
    Runnable ends =
        () -> {
          begun.begun = true;
          tries.incrementAndGet();
          throw new Unspeakable();
        };
    assertThatThrownBy(() -> begun.execute(ends)).isInstanceOf(Unspeakable.class);
    assertThat(tries).hasValue(4);
  }

  @ParameterizedTest
  @EnumSource(IoBackend.class)
  void aLoopWhoseFirstFaultIsInAFullHeapServesAfterwards(IoBackend backend) throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("--enable-native-access=ALL-UNNAMED", "-Xmx24m", "-XX:+UseSerialGC"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            FullHeapLoopMain.class,
            backend.name());
    assertThat(result.exitStatus()).as(result.output()).isZero();
  }
}
