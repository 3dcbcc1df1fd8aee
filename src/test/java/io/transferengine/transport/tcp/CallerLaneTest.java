// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Settings;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.Mapped;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.TransferWork;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a caller's lane leaves to others when its connection ends under it. */
@Timeout(60)
class CallerLaneTest {
  private static final int BLOCKS = 8;

  private final EngineMetrics metrics = new EngineMetrics();

  /** Whoever asks for the addresses connects. */
  private record Peer(InetSocketAddress address, AtomicInteger connects)
      implements CallerLane.Of, LoneLane {
    @Override
    public List<InetSocketAddress> addresses() {
      connects.incrementAndGet();
      return List.of(address);
    }

    @Override
    public void wakeFor(TransferTask task) {}
  }

  private static final class Awaited implements TransferWork.Listener {
    @Override
    public void taskEnded(
        TransferState state, @Nullable TransferException failure, @Nullable FailureCause cause) {}

    @Override
    public boolean isAwaitedHere() {
      return true;
    }
  }

  /**
   * The target answers one request and closes. Nobody would watch a connection that is made for the
   * rest: the caller goes, since nothing of its transfer is out.
   */
  @Test
  void aConnectionThatEndsInTheMiddleIsNotMadeAnewForTheRest() throws Exception {
    EventLoops loops = new EventLoops(IoBackend.EPOLL, 1, 65_536, 16 << 20, metrics);
    try (Mapped memory = Mapped.of(2 * BLOCKS);
        ScriptedTarget target =
            new ScriptedTarget(4096, 4096, new ScriptedTarget.Nature(false, 0, 1))) {
      Peer peer = new Peer(target.address(), new AtomicInteger());
      PeerProfile profile =
          new PeerProfile(
              "peer",
              new WireForm(true, false, false, OptionalLong.empty()),
              TcpOptions.of(Settings.builder().build()),
              metrics,
              PeerTls.off());
      TaskQueue tasks = new TaskQueue(profile, () -> {});
      SharedLoop loop = Objects.requireNonNull(loops.shared());
      CallerLane lane = new CallerLane(profile, tasks, peer, loops, loop, IoBackend.EPOLL);
      TransferTask task = task(memory);
      assertThat(tasks.add(task)).isTrue();
      while (!lane.move(task)) {
        Thread.onSpinWait(); // It is being opened, or the loop's own thread has it.
      }

      assertThat(task.completedBytes()).as("of the first request").isEqualTo(1);
      assertThat(task.hasWork()).isTrue();
      // Behind all that the loop had to do.
      loop.submit(() -> {}).get();
      assertThat(peer.connects).hasValue(1);

      task.end(
          TransferState.CANCELED,
          new TransferException(ErrorCode.CLOSED, "It is over", ""),
          FailureCause.LOCAL);
      lane.lane().close(PeerEnd.SHUTDOWN);
    } finally {
      loops.close(Duration.ofSeconds(5));
    }
  }

  /** Of blocks that are nowhere adjacent. */
  private static TransferTask task(Mapped memory) {
    long[] local = new long[BLOCKS];
    long[] remote = new long[BLOCKS];
    long[] lengths = new long[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
      local[i] = memory.address() + 2L * i;
      remote[i] = ScriptedTarget.BASE + 2L * i;
      lengths[i] = 1;
    }
    SeamFinder none = new SeamFinder(new long[0], new long[0]);
    return new TransferTask(
        Operation.READ, BlockColumns.of(local, remote, lengths), none, none, new Awaited());
  }
}
