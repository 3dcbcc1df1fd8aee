// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.EventLoop;
import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.LogCapture;
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
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A lane that finds no staging waits for it: nothing fails, and no connection ends. */
@Timeout(120)
class DryStagingTest {
  private static final int SIZE = 8 << 20;
  private static final int TASKS = 40;

  private static final class Ended implements TransferWork.Listener {
    final CompletableFuture<String> state = new CompletableFuture<>();

    @Override
    public void taskEnded(
        TransferState ended, @Nullable TransferException why, @Nullable FailureCause cause) {
      state.complete(ended + (why == null ? "" : ": " + why.getMessage()));
    }
  }

  /** Takes blocks of a loop's staging, and gives them back, as others on the loop do. */
  private static final class Thief implements Runnable {
    private final EventLoop loop;
    private final WindowPool pool;
    private final Random random;
    private final ArrayDeque<StagingBlock> taken = new ArrayDeque<>();
    private final boolean readBlockToo;
    private final AtomicBoolean over = new AtomicBoolean();
    final CompletableFuture<Boolean> gone = new CompletableFuture<>();

    /** The block for reads is at times another connection's only where the kernel reads later. */
    Thief(EventLoop loop, WindowPool pool, boolean readBlockToo, long seed) {
      this.loop = loop;
      this.readBlockToo = readBlockToo;
      this.pool = pool;
      random = new Random(seed);
    }

    void takeAll() {
      StagingBlock block;
      while ((block = pool.block(pool.lanes())) != null) {
        taken.add(block);
      }
      block = readBlockToo ? pool.readBlock() : null;
      if (block != null) {
        taken.add(block);
      }
    }

    @Override
    public void run() {
      takeAll();
      boolean ends = over.get();
      int kept = ends ? 0 : random.nextInt(taken.size() + 1);
      while (taken.size() > kept) {
        taken.removeFirst().release();
      }
      if (ends) {
        gone.complete(true);
      } else {
        var _ = loop.schedule(this, random.nextInt(2000), TimeUnit.MICROSECONDS);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "AUTO,1,false,true",
    "AUTO,1,false,false",
    "AUTO,2,false,true",
    "AUTO,2,false,false",
    "AUTO,2,true,true",
    "IO_URING,1,false,false",
    "IO_URING,2,false,true",
    "IO_URING,2,true,true"
  })
  void lanesWaitForStagingAndNothingElseHappens(
      TcpIo io, int version, boolean vectors, boolean persistent) throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("DryStagingTest: replay with -Dseed=" + seed);
    Random random = new Random(seed);
    EngineMetrics metrics = new EngineMetrics();
    TcpOptions options =
        TcpOptions.of(Settings.builder().set(Options.TCP_LANES_PER_PEER, 2).build());
    IoBackend backend = IoBackend.of(io);
    int block = 64 << 10;
    EventLoops loops =
        new EventLoops(backend, 1, block, (long) WindowPool.BLOCKS_MIN * block, metrics);
    try (Arena arena = Arena.ofShared();
        LogCapture log = new LogCapture();
        ScriptedTarget target =
            new ScriptedTarget(
                2 * SIZE, SIZE, new ScriptedTarget.Nature(persistent, 0, random.nextLong()))) {
      MemorySegment memory = arena.allocate(SIZE, 4096);
      TcpPeer peer =
          new TcpPeer(
              "peer",
              new WireForm(version == 2, vectors, false, OptionalLong.empty()),
              List.of(target.address()),
              options,
              metrics,
              PeerTls.off(),
              loops,
              backend);
      EventLoop loop = loops.next();
      Thief thief = new Thief(loop, loops.pool(loop), io == TcpIo.IO_URING, random.nextLong());
      loop.submit(thief::takeAll).get(20, TimeUnit.SECONDS);
      List<Ended> all = new ArrayList<>();
      for (int i = 0; i < TASKS; i++) {
        all.add(submit(peer, memory, random));
      }
      Awaitility.await().until(() -> metrics.snapshot().get(Counter.CONNECTIONS_OPENED) > 0);
      loop.submit(thief).get(20, TimeUnit.SECONDS);
      for (Ended one : all) {
        assertThat(one.state.get(30, TimeUnit.SECONDS)).as("seed %d", seed).isEqualTo("COMPLETED");
      }
      thief.over.set(true);
      assertThat(thief.gone.get(20, TimeUnit.SECONDS)).isTrue();
      assertThat(log.warnings()).as("seed %d", seed).isEmpty();
      if (persistent && version == 2) {
        assertThat(metrics.snapshot().get(Counter.CONNECTIONS_OPENED)).isLessThanOrEqualTo(2);
      }
      peer.close(PeerEnd.SHUTDOWN);
    } finally {
      loops.close(Duration.ofSeconds(5));
    }
  }

  private static Ended submit(TcpPeer peer, MemorySegment memory, Random random) {
    int count = 1 + random.nextInt(random.nextBoolean() ? 3 : 100);
    int stride = SIZE / count;
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] length = new long[count];
    for (int i = 0; i < count; i++) {
      length[i] = 1L + random.nextInt(Math.min(stride - 1, i % 10 == 0 ? 40_000 : 16_383));
      local[i] = memory.address() + (long) i * stride;
      remote[i] = ScriptedTarget.BASE + (long) i * stride;
    }
    Ended ended = new Ended();
    BlockColumns blocks = BlockColumns.of(local, remote, length);
    Operation operation = random.nextInt(4) == 0 ? Operation.READ : Operation.WRITE;
    SeamFinder seams = new SeamFinder(new long[] {1}, new long[] {Long.MAX_VALUE});
    peer.submit(new TransferTask(operation, blocks, seams, seams, ended));
    return ended;
  }
}
