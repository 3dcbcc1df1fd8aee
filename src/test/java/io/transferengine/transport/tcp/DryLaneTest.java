// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.TransferWork;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Lanes on event loops of their own, of which some have no staging: what was meant for those goes
 * over the others.
 */
@Timeout(120)
class DryLaneTest {
  private static final int SIZE = 1 << 20;
  private static final int BLOCK_BYTES = 64 << 10;

  /** More blocks than callers send themselves, who need no staging. */
  private static final int FOR_LOOPS = 2;

  /** A peer whose lanes are connected, each on a loop of its own, and take several requests. */
  private static final class Lanes implements AutoCloseable {
    final EngineMetrics metrics = new EngineMetrics();
    final ScriptedTarget target;
    final TcpPeer peer;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory = arena.allocate(SIZE, 4096);
    private final EventLoops loops;
    private final List<List<StagingBlock>> stolen = new ArrayList<>();

    Lanes(TcpIo io, int lanes, int requestsPerLane) throws Exception {
      TcpOptions options =
          TcpOptions.of(
              Settings.builder()
                  .set(Options.TCP_LANES_PER_PEER, lanes)
                  .set(Options.TCP_MAX_QUEUED_TRANSFERS_PER_PEER, lanes * requestsPerLane)
                  .build());
      IoBackend backend = IoBackend.of(io);
      long stagingBytes = (long) lanes * WindowPool.BLOCKS_MIN * BLOCK_BYTES;
      loops = new EventLoops(backend, lanes, BLOCK_BYTES, stagingBytes, metrics);
      target = new ScriptedTarget(SIZE, SIZE, new ScriptedTarget.Nature(true, 0, 1));
      peer =
          new TcpPeer(
              "peer",
              new WireForm(true, false, false, OptionalLong.empty()),
              List.of(target.address()),
              options,
              metrics,
              PeerTls.off(),
              loops,
              backend);
      assertThat(new HashSet<>(Arrays.stream(peer.lanes()).map(Lane::loop).toList()))
          .hasSize(lanes);
      while (peer.profile().connectionReuse() != ConnectionReuse.REUSED) {
        assertCompletes(submit(Operation.READ, 3));
      }
      for (Lane lane : peer.lanes()) {
        peer.warmUp();
        lane.wake();
        Awaitility.await().until(lane::isOpen);
      }
      Awaitility.await().until(peer::isIdle);
      for (int i = 0; i < lanes; i++) {
        stolen.add(new ArrayList<>());
      }
    }

    CompletableFuture<TransferState> submit(Operation operation, int count) {
      long[] local = new long[count];
      long[] remote = new long[count];
      long[] length = new long[count];
      for (int i = 0; i < count; i++) {
        local[i] = memory.address() + 2000L * i;
        remote[i] = ScriptedTarget.BASE + 2000L * i;
        length[i] = 1000;
      }
      CompletableFuture<TransferState> end = new CompletableFuture<>();
      TransferWork.Listener listener =
          new TransferWork.Listener() {
            @Override
            public void taskEnded(
                TransferState state,
                @Nullable TransferException failure,
                @Nullable FailureCause cause) {
              end.complete(state);
            }
          };
      BlockColumns blocks = BlockColumns.of(local, remote, length);
      SeamFinder seams = new SeamFinder(new long[] {1}, new long[] {Long.MAX_VALUE});
      peer.submit(new TransferTask(operation, blocks, seams, seams, listener));
      return end;
    }

    /** Takes all the staging that a lane has, and lets it find out. */
    void dry(int lane) throws Exception {
      takeStaging(lane);
      peer.lanes()[lane].wake();
      Awaitility.await().until(peer.lanes()[lane]::isDry);
    }

    void takeStaging(int lane) throws Exception {
      onLoop(
          lane,
          pool -> {
            StagingBlock block;
            while ((block = pool.block(pool.lanes())) != null) {
              stolen.get(lane).add(block);
            }
          });
    }

    void giveBack(int lane) throws Exception {
      onLoop(
          lane,
          _ -> {
            stolen.get(lane).forEach(StagingBlock::release);
            stolen.get(lane).clear();
          });
    }

    private interface OnPool {
      void run(WindowPool pool);
    }

    private void onLoop(int lane, OnPool action) throws Exception {
      var loop = peer.lanes()[lane].loop();
      loop.submit(() -> action.run(loops.pool(loop))).get(30, TimeUnit.SECONDS);
    }

    @Override
    public void close() throws IOException {
      peer.close(PeerEnd.SHUTDOWN);
      target.close();
      loops.close(Duration.ofSeconds(5));
      arena.close();
    }
  }

  private static void assertCompletes(CompletableFuture<TransferState> end) throws Exception {
    assertThat(end.get(30, TimeUnit.SECONDS)).isEqualTo(TransferState.COMPLETED);
  }

  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"AUTO", "NIO", "IO_URING"})
  void workMeantForALaneWithoutStagingGoesOverAnother(TcpIo io) throws Exception {
    try (Lanes lanes = new Lanes(io, 2, 64)) {
      lanes.takeStaging(0);
      // It is chosen for the first, and finds out; for those that follow it is not chosen.
      for (int i = 0; i < 5; i++) {
        assertCompletes(lanes.submit(Operation.WRITE, FOR_LOOPS));
      }
      assertThat(lanes.peer.lanes()[0].isDry()).isTrue();
      lanes.giveBack(0);
      Awaitility.await().until(() -> !lanes.peer.lanes()[0].isDry());
      lanes.dry(1);
      assertCompletes(lanes.submit(Operation.WRITE, FOR_LOOPS));
      assertThat(lanes.metrics.snapshot().get(Counter.CONNECTIONS_LOST)).isZero();
    }
  }

  /** Whichever has staging first: all that waits is its. */
  @ParameterizedTest
  @CsvSource({"AUTO,0", "AUTO,1", "IO_URING,1"})
  void withoutStagingAnywhereWorkWaitsForTheFirstLaneThatHasSome(TcpIo io, int first)
      throws Exception {
    try (Lanes lanes = new Lanes(io, 2, 64)) {
      lanes.takeStaging(0);
      lanes.takeStaging(1);
      List<CompletableFuture<TransferState>> ends = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        ends.add(lanes.submit(Operation.WRITE, FOR_LOOPS));
      }
      Awaitility.await().until(() -> Arrays.stream(lanes.peer.lanes()).allMatch(Lane::isDry));
      assertThat(ends).noneMatch(CompletableFuture::isDone);
      lanes.giveBack(first);
      for (CompletableFuture<TransferState> end : ends) {
        assertCompletes(end);
      }
    }
  }

  /** A lane that is full looks for one that is free, not for one that could only wait. */
  @Test
  void whatALaneHasNoRoomForGoesOverOneThatHasStaging() throws Exception {
    try (Lanes lanes = new Lanes(TcpIo.AUTO, 3, 2)) {
      lanes.dry(1);
      CompletableFuture<TransferState> end;
      synchronized (lanes.target.memory) {
        // Nothing is written meanwhile, so nothing is answered.
        end = lanes.submit(Operation.WRITE, 4);
        Awaitility.await()
            .untilAsserted(
                () -> {
                  assertThat(lanes.peer.lanes()[0].load()).isEqualTo(2);
                  assertThat(lanes.peer.lanes()[2].load()).isEqualTo(2);
                });
      }
      assertCompletes(end);
    }
  }
}
