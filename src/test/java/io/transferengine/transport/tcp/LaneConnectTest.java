// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.transferengine.cli.bench.FreePorts;
import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.Mapped;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.TransferTask;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.AbstractList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever throws while a lane connects: what waits is told, and the next work connects anew. */
@Timeout(60)
class LaneConnectTest {
  private final EngineMetrics metrics = new EngineMetrics();

  /** Two addresses of which one cannot be looked at for so many times. */
  private static final class Addresses extends AbstractList<InetSocketAddress> {
    final AtomicInteger throwing = new AtomicInteger();
    private final List<InetSocketAddress> two;
    private final int bad;

    Addresses(List<InetSocketAddress> two, int bad) {
      this.two = two;
      this.bad = bad;
    }

    @Override
    public InetSocketAddress get(int index) {
      if (index == bad && throwing.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
        throw new OutOfMemoryError("meant to be thrown");
      }
      return two.get(index);
    }

    @Override
    public int size() {
      return 2;
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void whatThrowsAtEitherAddressFailsTheWorkAndTheNextGoesOver(int bad) throws Exception {
    EventLoops loops = new EventLoops(IoBackend.NIO, 1, 65_536, 1 << 20, metrics);
    try (Mapped memory = Mapped.of(4096);
        ScriptedTarget target =
            new ScriptedTarget(4096, 4096, new ScriptedTarget.Nature(true, 0, 1))) {
      Addresses addresses = new Addresses(List.of(nobody(), target.address()), bad);
      TcpPeer peer = peer(addresses, loops);
      addresses.throwing.set(1);
      assertThat(read(peer, memory).get(20, TimeUnit.SECONDS))
          .startsWith("FAILED")
          .contains("meant to be thrown")
          .doesNotContain("running and reachable");
      assertThat(read(peer, memory).get(20, TimeUnit.SECONDS)).isEqualTo("COMPLETED");
      peer.close(PeerEnd.SHUTDOWN);
    } finally {
      loops.close(Duration.ofSeconds(5));
    }
  }

  /** As when memory runs out while Netty says that a connection is there. */
  @Test
  void aConnectionThatNettyTellsNobodyOfIsGivenUp() throws Exception {
    EventLoops loops = new EventLoops(IoBackend.NIO, 1, 65_536, 1 << 20, metrics);
    try (Mapped memory = Mapped.of(4096);
        ScriptedTarget target =
            new ScriptedTarget(4096, 4096, new ScriptedTarget.Nature(true, 0, 1))) {
      TcpPeer peer = peer(List.of(target.address()), loops);
      CountDownLatch submitted = new CountDownLatch(1);
      EventLoop loop = loops.next();
      loop.execute(() -> await(submitted));
      CompletableFuture<String> first = read(peer, memory);
      // Directly behind the lane's task, which begins to connect: nothing can have come of it yet.
      Future<Channel> spoiled = loop.submit(() -> spoil(peer.lanes()[0]));
      submitted.countDown();
      Channel lost = spoiled.get(20, TimeUnit.SECONDS);
      Awaitility.await().until(lost::isActive);
      CompletableFuture<String> meanwhile = read(peer, memory);
      long late = System.nanoTime() + TimeUnit.HOURS.toNanos(1);
      loop.submit(() -> peer.lanes()[0].endIfStalled(late, Long.MAX_VALUE))
          .get(20, TimeUnit.SECONDS);

      assertThat(first.get(20, TimeUnit.SECONDS)).contains("nothing came of it in time");
      assertThat(meanwhile.get(20, TimeUnit.SECONDS))
          .as("what came after that attempt had begun has one of its own")
          .isEqualTo("COMPLETED");
      assertThat(lost.closeFuture().await(20, TimeUnit.SECONDS)).as("closed").isTrue();
      assertThat(read(peer, memory).get(20, TimeUnit.SECONDS)).isEqualTo("COMPLETED");
      peer.close(PeerEnd.SHUTDOWN);
    } finally {
      loops.close(Duration.ofSeconds(5));
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static Channel spoil(Lane lane) {
    Channel connecting = requireNonNull(requireNonNull(lane.attempt()).channel());
    connecting
        .pipeline()
        .addFirst(
            new ChannelInboundHandlerAdapter() {
              @Override
              public void channelActive(ChannelHandlerContext context) {
                // Those behind it hear nothing.
              }
            });
    assertThat(connecting.isActive()).as("connected already").isFalse();
    return connecting;
  }

  private TcpPeer peer(List<InetSocketAddress> addresses, EventLoops loops) {
    TcpOptions options =
        TcpOptions.of(Settings.builder().set(Options.TCP_LANES_PER_PEER, 1).build());
    TcpPeer peer =
        new TcpPeer(
            "peer",
            new WireForm(true, false, false, OptionalLong.empty()),
            addresses,
            options,
            metrics,
            PeerTls.off(),
            loops,
            IoBackend.NIO);
    peer.movedTo(addresses);
    return peer;
  }

  private static InetSocketAddress nobody() throws Exception {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), FreePorts.next());
  }

  private static CompletableFuture<String> read(TcpPeer peer, Mapped memory) {
    CompletableFuture<String> end = new CompletableFuture<>();
    SeamFinder none = new SeamFinder(new long[0], new long[0]);
    BlockColumns block = BlockColumns.of(memory.address(), ScriptedTarget.BASE, 1);
    peer.submit(
        new TransferTask(
            Operation.READ,
            block,
            none,
            none,
            (state, why, _) -> end.complete(state + (why == null ? "" : ": " + why.getMessage()))));
    return end;
  }
}
