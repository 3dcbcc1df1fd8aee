// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.events.EngineListener;
import io.transferengine.events.TransferReport;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.metrics.recording.TransferTally;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who is told of the end of a transfer, and when those are counted that were kept back. */
@Timeout(60)
class TransferEventsTest {
  private static final long ADDRESS = 0x1000;

  /** Keeps all back. */
  private static final class Tally implements TransferTally {
    final List<String> ended = new ArrayList<>();
    int kept;
    int counted;
    boolean isFull;
    @Nullable Error thrown;

    @Override
    public boolean ended(
        Operation operation,
        String transport,
        TransferState state,
        long nanos,
        long bytes,
        int blocks,
        Optional<TraceParent> span) {
      ended.add(operation + " '" + transport + "' " + state + " " + bytes + " " + blocks);
      assertThat(nanos).isNotNegative();
      if (thrown != null) {
        throw thrown;
      }
      kept++;
      return isFull;
    }

    @Override
    public boolean look() {
      return kept > 0;
    }

    @Override
    public void catchUp() {
      counted += kept;
      kept = 0;
    }

    @Override
    public void transferEnded(TransferReport report) {
      throw new AssertionError("It needs no report");
    }
  }

  /** Begins threads when the test says so, or not at all. */
  private static final class Threads implements Executor {
    final Queue<Runnable> waiting = new ArrayDeque<>();
    boolean areThere = true;

    @Override
    public void execute(Runnable command) {
      if (!areThere) {
        throw new OutOfMemoryError("no thread, in this test");
      }
      waiting.add(command);
    }

    void runAll() {
      for (Runnable each = waiting.poll(); each != null; each = waiting.poll()) {
        each.run();
      }
    }
  }

  private final Threads threads = new Threads();
  private final TransferEvents events =
      new TransferEvents(new EngineMetrics().events(), 0, threads);
  private final Tally tally = new Tally();

  /** Tells of ends, as the table of transfers does. */
  private final class Owner extends EndOwner {
    @Override
    public void ended(TransferHandle handle, TransferState state, @Nullable FailureCause cause) {
      events.ended(handle, state, handle.tookNanos(), handle.transferredBytes());
    }
  }

  private TransferState end() {
    Region region = new RegionTable().register(ADDRESS, 4096, "*");
    assertThat(region.acquire()).isTrue();
    TransferHandle handle =
        new TransferHandle(
            new Owner(),
            TransferRequest.of(Operation.READ, "peer", BlockColumns.of(ADDRESS, ADDRESS, 16)),
            region,
            Long.MAX_VALUE / 2,
            null,
            null);
    handle.cancel();
    return handle.state();
  }

  @Test
  void aTallyGetsFiguresAndAListenerAReport() {
    List<TransferReport> reports = new ArrayList<>();
    events.add(
        new EngineListener() {
          @Override
          public void transferEnded(TransferReport report) {
            reports.add(report);
          }
        });
    events.add(tally);
    assertThat(end()).isEqualTo(TransferState.CANCELED);
    assertThat(tally.ended).containsExactly("READ '' CANCELED 0 1");
    assertThat(reports).hasSize(1);
    events.remove(tally);
    end();
    assertThat(tally.ended).hasSize(1);
    assertThat(reports).hasSize(2);
  }

  @Test
  void whatItKeptIsCountedWhenItIsRemoved() {
    events.add(tally);
    end();
    assertThat(tally.counted).isZero();
    events.remove(tally);
    assertThat(tally.counted).isOne();
    assertThat(threads.waiting).isEmpty();
  }

  @Test
  void whatItKeptIsCountedByAnotherThreadAfterTheNextLook() {
    events.add(tally);
    events.look();
    assertThat(threads.waiting).isEmpty();
    end();
    assertThat(threads.waiting).isEmpty();
    events.look();
    events.look();
    assertThat(threads.waiting).hasSize(1);
    assertThat(tally.counted).isZero();
    threads.runAll();
    assertThat(tally.counted).isOne();
    events.look();
    assertThat(threads.waiting).isEmpty();
  }

  @Test
  void oneThatIsFullIsLookedAfterAtOnce() {
    events.add(tally);
    tally.isFull = true;
    end();
    end();
    assertThat(threads.waiting).hasSize(1);
    threads.runAll();
    assertThat(tally.counted).isEqualTo(2);
  }

  @Test
  void withoutAThreadTheTransferEndsAndTheNextLookTriesAgain() {
    events.add(tally);
    tally.isFull = true;
    threads.areThere = false;
    try (LogCapture _ = new LogCapture()) {
      assertThat(end()).isEqualTo(TransferState.CANCELED);
    }
    threads.areThere = true;
    events.look();
    threads.runAll();
    assertThat(tally.counted).isOne();
  }

  @Test
  void aTallyThatFailsHarmsNeitherTheTransferNorTheOthers() {
    Tally other = new Tally();
    tally.thrown = new OutOfMemoryError("of this test");
    events.add(tally);
    events.add(other);
    try (LogCapture log = new LogCapture()) {
      assertThat(end()).isEqualTo(TransferState.CANCELED);
      assertThat(log.warnings()).anyMatch(line -> line.startsWith("The listener "));
    }
    assertThat(other.ended).hasSize(1);
  }
}
