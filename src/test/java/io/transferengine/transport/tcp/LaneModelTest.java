// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.LogCapture;
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
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One lane under random schedules, towards a target that follows a script: claims, confirmations,
 * answers, refusals, losses, ends from outside and closes, in any order. Each task is told once and
 * no request of it is left or settled twice, what is COMPLETED is there, and afterwards every count
 * of the lane's ring is zero.
 */
@Timeout(300)
class LaneModelTest {
  private static final int TASKS = 10;
  private static final int SLICE = 256 << 10;
  private static final int SIZE = TASKS * SLICE;

  /** Behind the slices of all tasks; what goes there is refused. */
  private static final int REFUSED = SIZE;

  private static final Pattern CLEAN =
      Pattern.compile(
          ".*positions (\\d+) to \\1 of \\d+, 0 frames, 0 bytes out, 0 of them small, 0 large"
              + " reads,.*, 0 writes unconfirmed,.*");

  private static final class Work implements TransferWork.Listener {
    final TransferTask task;
    final BlockColumns blocks;
    final boolean hasRefused;
    final List<TransferState> ends = new CopyOnWriteArrayList<>();
    volatile @Nullable TransferException failure;
    volatile boolean endedFromOutside;

    Work(Operation operation, BlockColumns blocks, boolean hasRefused) {
      this.blocks = blocks;
      this.hasRefused = hasRefused;
      SeamFinder all = new SeamFinder(new long[] {1}, new long[] {Long.MAX_VALUE});
      task = new TransferTask(operation, blocks, all, all, this);
    }

    @Override
    public void taskEnded(
        TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {
      failure = why;
      ends.add(state);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1,false,true,0",
    "1,false,true,40",
    "1,false,false,0",
    "1,false,false,10",
    "2,false,true,0",
    "2,false,true,40",
    "2,false,false,10",
    "2,true,true,0",
    "2,true,true,20"
  })
  void everyRequestIsSettledOnce(int version, boolean vectors, boolean persistent, int trouble)
      throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("LaneModelTest: replay with -Dseed=" + seed);
    Random random = new Random(seed);
    try (Arena arena = Arena.ofShared();
        LogCapture log = new LogCapture()) {
      MemorySegment memory = arena.allocate(SIZE, 4096);
      for (int round = 0; round < (persistent ? 12 : 4); round++) {
        var nature = new ScriptedTarget.Nature(persistent, trouble, random.nextLong());
        String what = "seed " + seed + ", round " + round;
        try (ScriptedTarget target = new ScriptedTarget(2 * SIZE, REFUSED, nature)) {
          round(what, random, memory, target, version, vectors, persistent && trouble == 0);
        }
      }
      assertThat(log.warningsWithStacks().stream().filter(line -> line.contains("fault")))
          .as("seed %d", seed)
          .isEmpty();
    }
  }

  private static void round(
      String what,
      Random random,
      MemorySegment memory,
      ScriptedTarget target,
      int version,
      boolean vectors,
      boolean calm)
      throws Exception {
    int[] limits = {2, 3, 8, 64, 256, 1024};
    TcpOptions options =
        TcpOptions.of(
            Settings.builder()
                .set(Options.TCP_LANES_PER_PEER, 1 + random.nextInt(2))
                .set(
                    Options.TCP_MAX_QUEUED_TRANSFERS_PER_PEER,
                    limits[random.nextInt(limits.length)])
                .build());
    EventLoops loops =
        new EventLoops(
            IoBackend.of(options.io()),
            1,
            options.stagingBlockBytes(),
            options.stagingBytes(),
            new EngineMetrics());
    try {
      TcpPeer peer =
          new TcpPeer(
              "peer",
              new WireForm(version == 2, vectors, false, OptionalLong.empty()),
              List.of(target.address()),
              options,
              new EngineMetrics(),
              PeerTls.off(),
              loops,
              IoBackend.of(options.io()));
      boolean endsSome = random.nextBoolean();
      boolean refusesSome = random.nextInt(3) == 0;
      List<Work> all = new ArrayList<>();
      for (int i = 0; i < TASKS; i++) {
        Work work = work(random, memory, i, calm, refusesSome && random.nextInt(3) == 0);
        all.add(work);
        peer.submit(work.task);
        if (random.nextBoolean()) {
          LockSupport.parkNanos(random.nextInt(2_000_000));
        }
        if (endsSome && random.nextInt(2) == 0) {
          end(all.get(random.nextInt(all.size())), random);
        }
      }
      boolean closed = random.nextInt(4) == 0;
      if (closed) {
        LockSupport.parkNanos(random.nextInt(5_000_000));
        peer.close(PeerEnd.SHUTDOWN);
      }
      for (Work work : all) {
        eventually(what + ": " + work.task.describe(), () -> !work.ends.isEmpty());
      }
      eventually(what + ": the ring is empty", () -> isClean(loops, peer));
      peer.close(PeerEnd.SHUTDOWN);
      eventually(what + ": no connection is left", () -> states(loops, peer).equals("[none]"));
      boolean mayFail = !calm || closed || refusesSome;
      for (Work work : all) {
        check(what, work, memory, target, mayFail);
      }
    } finally {
      loops.close(Duration.ofSeconds(5));
    }
  }

  private static Work work(
      Random random, MemorySegment memory, int index, boolean many, boolean refused) {
    int count = random.nextBoolean() ? 1 + random.nextInt(20) : 1 + random.nextInt(many ? 700 : 60);
    boolean fillsTheRing = many && index == 1;
    if (fillsTheRing) {
      count = 1100;
    }
    int stride = SLICE / count;
    int longest = Math.min(stride - 1, random.nextInt(3) == 0 ? 40_000 : 300);
    // Adjacent on both sides, so that they are merged, or scattered.
    boolean adjacent = !fillsTheRing && random.nextInt(4) == 0;
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] length = new long[count];
    for (int i = 0; i < count; i++) {
      length[i] = adjacent ? Math.min(longest, 200) : 1L + random.nextInt(longest);
      long at = (long) index * SLICE + (adjacent ? i * length[i] : (long) i * stride);
      local[i] = memory.address() + at;
      remote[i] = ScriptedTarget.BASE + at;
    }
    if (refused) {
      int bad = random.nextInt(count);
      remote[bad] += REFUSED;
    }
    boolean write = fillsTheRing || (index > 0 && random.nextBoolean());
    Operation operation = write ? Operation.WRITE : Operation.READ;
    if (operation == Operation.WRITE) {
      byte[] content = new byte[SLICE];
      random.nextBytes(content);
      MemorySegment.copy(
          content, 0, memory, ValueLayout.JAVA_BYTE, (long) index * SLICE, content.length);
    }
    return new Work(operation, BlockColumns.of(local, remote, length), refused);
  }

  private static void end(Work work, Random random) {
    work.endedFromOutside = true;
    boolean canceled = random.nextBoolean();
    work.task.end(
        canceled ? TransferState.CANCELED : TransferState.TIMEOUT,
        new TransferException(ErrorCode.CANCELED, "by the test", ""),
        canceled ? FailureCause.CANCELED : FailureCause.TIMEOUT);
  }

  private static void check(
      String what, Work work, MemorySegment memory, ScriptedTarget target, boolean mayFail) {
    String as = what + ": " + work.task.describe() + " " + work.failure;
    assertThat(work.ends).as(as).hasSize(1);
    assertThat(work.task.isQuiet()).as(as).isTrue();
    TransferState state = work.ends.getFirst();
    if (!mayFail && !work.endedFromOutside) {
      assertThat(state).as(as).isEqualTo(TransferState.COMPLETED);
    }
    if (state != TransferState.COMPLETED) {
      assertThat(work.task.completedBytes()).as(as).isLessThan(work.task.totalBytes());
      return;
    }
    assertThat(work.hasRefused).as(as).isFalse();
    assertThat(work.task.completedBytes()).as(as).isEqualTo(work.task.totalBytes());
    for (int i = 0; i < work.blocks.count(); i++) {
      int at = (int) (work.blocks.remote(i) - ScriptedTarget.BASE);
      int length = (int) work.blocks.length(i);
      byte[] there;
      synchronized (target.memory) {
        there = Arrays.copyOfRange(target.memory, at, at + length);
      }
      assertThat(
              memory
                  .asSlice(work.blocks.local(i) - memory.address(), length)
                  .toArray(ValueLayout.JAVA_BYTE))
          .as("%s, block %d", as, i)
          .isEqualTo(there);
    }
  }

  private static boolean isClean(EventLoops loops, TcpPeer peer) {
    String states = states(loops, peer);
    return Arrays.stream(states.substring(1, states.length() - 1).split("\n"))
        .allMatch(state -> state.equals("none") || CLEAN.matcher(state).matches());
  }

  /** How the lanes stand, asked on their loop. */
  private static String states(EventLoops loops, TcpPeer peer) {
    try {
      return loops
          .next()
          .submit(
              () -> {
                List<String> states = new ArrayList<>();
                for (Lane lane : peer.lanes()) {
                  states.add(lane.toString());
                }
                boolean none = states.stream().allMatch("none"::equals);
                return "[" + (none ? "none" : String.join("\n", states)) + "]";
              })
          .get(60, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static void eventually(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + Duration.ofMinutes(1).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(end);
      LockSupport.parkNanos(1_000_000);
    }
  }
}
