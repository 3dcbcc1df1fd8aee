// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.Pattern;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.Transfer;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An engine whose JVM has no memory left, on the heap or beside it, and its peers. */
@Timeout(240)
class ScarceMemoryTest {
  @Test
  void whatMeetsTheEndOfMemoryGetsAStatusAndTheEngineGoesOn() throws Exception {
    try (TestEngine here = new TestEngine(3L * ScarceMain.BYTES);
        TestEngine other = new TestEngine(ScarceMain.BYTES)) {
      FutureTask<ChildJvm.Result> child =
          new FutureTask<>(
              () ->
                  ChildJvm.run(
                      List.of("bash", "-c", "ulimit -v 8000000 && exec \"$0\" \"$@\""),
                      List.of(
                          "--enable-native-access=ALL-UNNAMED",
                          "-Xmx48m",
                          "-XX:+UseSerialGC",
                          "-XX:MaxDirectMemorySize=100m"),
                      ChildJvm.classPath(_ -> true),
                      List.of(
                          "MC_TRANSFER_TIMEOUT=2",
                          "MC_HANDSHAKE_CONNECT_TIMEOUT=2",
                          "TE_MANAGED_MEMORY_LIMIT_BYTES=" + (1L << 40)),
                      ScarceMain.class,
                      here.engine.segmentName(),
                      Long.toString(here.address())));
      Thread.ofPlatform().daemon().start(child);
      String[] scarce = await(here, child, ScarceMain.SCARCE).message().split(" ", -1);
      long place = Long.parseLong(scarce[1]);
      AtomicBoolean over = new AtomicBoolean();
      FutureTask<Integer> others = new FutureTask<>(() -> rounds(here, other, over));
      FutureTask<Integer> towardsIt = new FutureTask<>(() -> rounds(here, scarce[0], place, over));
      Thread.ofPlatform().daemon().start(others);
      Thread.ofPlatform().daemon().start(towardsIt);
      try {
        var _ = await(here, child, ScarceMain.AMPLE);
      } finally {
        over.set(true);
      }
      assertThat(others.get()).as("transfers between others").isPositive();
      System.out.println(towardsIt.get() + " transfers towards it completed meanwhile");
      assertMoves(here, scarce[0], place);
      here.engine.sendNotify(scarce[0], new TransferNotify("done", ""));
      ChildJvm.Result result = child.get();
      assertThat(result.exitStatus()).as(result.output()).isZero();
      assertThat(result.output())
          .containsPattern("refused [1-9]")
          .contains("The system has no memory")
          .doesNotContain("report it");
    }
  }

  private static TransferNotify await(
      TestEngine here, FutureTask<ChildJvm.Result> child, String name) throws Exception {
    while (true) {
      for (TransferNotify notify : here.engine.takeNotifies()) {
        if (notify.name().equals(name)) {
          return notify;
        }
      }
      if (child.isDone()) {
        throw new AssertionError("It ended too early: " + child.get());
      }
      Thread.sleep(2);
    }
  }

  /** {@return how many transfers have completed, which is all of them} */
  private static int rounds(TestEngine here, TestEngine other, AtomicBoolean over) {
    int completed = 0;
    while (!over.get()) {
      for (int length : new int[] {ScarceMain.SMALL, ScarceMain.BYTES}) {
        BlockColumns blocks =
            BlockColumns.of(here.address() + 2L * ScarceMain.BYTES, other.address(), length);
        assertCompleted(here.submit(Operation.WRITE, other.engine.segmentName(), blocks));
        completed++;
      }
    }
    return completed;
  }

  /** {@return how many transfers towards the one without memory have completed; others may fail} */
  private static int rounds(TestEngine here, String scarce, long place, AtomicBoolean over) {
    int completed = 0;
    while (!over.get()) {
      for (Operation operation : Operation.values()) {
        BlockColumns blocks =
            BlockColumns.of(here.address() + ScarceMain.BYTES, place, ScarceMain.BYTES);
        Transfer transfer = here.submit(operation, scarce, blocks);
        completed += TestEngine.end(transfer) == TransferState.COMPLETED ? 1 : 0;
      }
    }
    return completed;
  }

  private static void assertMoves(TestEngine here, String scarce, long place) {
    MemorySegment ours = here.memory.asSlice(ScarceMain.BYTES, ScarceMain.BYTES);
    BlockColumns blocks = BlockColumns.of(ours.address(), place, ScarceMain.BYTES);
    Pattern.fill(ours, 3, 0);
    assertCompleted(here.submit(Operation.WRITE, scarce, blocks));
    ours.fill((byte) 0);
    assertCompleted(here.submit(Operation.READ, scarce, blocks));
    assertThat(Pattern.firstMismatch(ours, 3, 0)).isEqualTo(-1);
  }
}
