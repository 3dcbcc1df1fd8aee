// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.metrics.FailureCause;
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
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A transfer that holds an old descriptor of a peer, while another one knows the new: what was held
 * for the old process goes away. The engine must learn that it may ask again, and not that it is
 * closed.
 */
@Timeout(60)
class OutdatedPeerTest {
  private final EngineMetrics metrics = new EngineMetrics();

  private TcpPeer peer(EventLoops loops, InetSocketAddress address) {
    return new TcpPeer(
        "peer",
        new WireForm(true, false, false, OptionalLong.empty()),
        List.of(address),
        TcpOptions.of(Settings.builder().set(Options.TCP_LANES_PER_PEER, 1).build()),
        metrics,
        PeerTls.off(),
        loops,
        IoBackend.NIO);
  }

  private static CompletableFuture<FailureCause> submit(
      TcpPeer peer, Operation operation, Mapped memory) {
    CompletableFuture<FailureCause> cause = new CompletableFuture<>();
    SeamFinder none = new SeamFinder(new long[0], new long[0]);
    peer.submit(
        new TransferTask(
            operation,
            BlockColumns.of(memory.address(), ScriptedTarget.BASE, 1),
            none,
            none,
            (_, _, why) -> cause.complete(why)));
    return cause;
  }

  @Test
  void whatHadNoEffectMayAskAgain() throws Exception {
    EventLoops loops = new EventLoops(IoBackend.NIO, 1, 65_536, 1 << 20, metrics);
    try (Mapped memory = Mapped.of(4096);
        ServerSocket silent = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
      TcpPeer old = peer(loops, (InetSocketAddress) silent.getLocalSocketAddress());
      CompletableFuture<FailureCause> first = submit(old, Operation.WRITE, memory);
      silent.accept().getInputStream().readNBytes(1); // It is out, and may have its effect yet.
      CompletableFuture<FailureCause> read = submit(old, Operation.READ, memory);
      old.close(PeerEnd.OUTDATED);
      CompletableFuture<FailureCause> late = submit(old, Operation.WRITE, memory);
      assertThat(first.get(20, TimeUnit.SECONDS)).isEqualTo(FailureCause.CONNECTION_LOST);
      assertThat(late.get(20, TimeUnit.SECONDS)).isEqualTo(FailureCause.STALE_DESCRIPTOR);
      assertThat(read.get(20, TimeUnit.SECONDS))
          .isIn(FailureCause.STALE_DESCRIPTOR, FailureCause.CONNECTION_LOST);
      old.close(PeerEnd.SHUTDOWN);
      assertThat(submit(old, Operation.READ, memory).get(20, TimeUnit.SECONDS))
          .isEqualTo(FailureCause.STALE_DESCRIPTOR);
    } finally {
      loops.close(Duration.ofSeconds(5));
    }
  }

  @Test
  void withTheEngineAllIsOver() throws Exception {
    EventLoops loops = new EventLoops(IoBackend.NIO, 1, 65_536, 1 << 20, metrics);
    try (Mapped memory = Mapped.of(4096);
        ServerSocket silent = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
      TcpPeer peer = peer(loops, (InetSocketAddress) silent.getLocalSocketAddress());
      CompletableFuture<FailureCause> first = submit(peer, Operation.WRITE, memory);
      peer.close(PeerEnd.SHUTDOWN);
      assertThat(first.get(20, TimeUnit.SECONDS)).isEqualTo(FailureCause.SHUTDOWN);
      assertThat(submit(peer, Operation.READ, memory).get(20, TimeUnit.SECONDS))
          .isEqualTo(FailureCause.SHUTDOWN);
    } finally {
      loops.close(Duration.ofSeconds(5));
    }
  }
}
