// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Each request of a connection is settled once, whatever the settling of another throws. */
@Timeout(60)
class RequestOutcomesTest {
  private final TcpOptions options = TcpOptions.of(Settings.builder().build());
  private final EngineMetrics metrics = new EngineMetrics();
  private final PeerProfile peer =
      new PeerProfile(
          "peer",
          new WireForm(true, false, false, OptionalLong.empty()),
          options,
          metrics,
          PeerTls.off());
  private final TaskQueue tasks = new TaskQueue(peer, () -> {});
  private final RequestRing ring = new RequestRing(16, 1 << 20);
  private final RequestOutcomes outcomes = new RequestOutcomes(peer, tasks, ring, _ -> {});

  @AfterEach
  void close() {
    tasks.close(PeerEnd.SHUTDOWN);
  }

  /** Blocks that are not merged, all of which are in the ring, and how it was told of their end. */
  private final class Work implements TransferWork.Listener {
    final TransferTask task;
    final List<String> ends = new ArrayList<>();

    Work(int count) {
      this(count, false);
    }

    Work(int count, boolean adjacent) {
      long[] local = new long[count];
      long[] remote = new long[count];
      long[] length = new long[count];
      for (int i = 0; i < count; i++) {
        local[i] = 1000 + (adjacent ? 100L : 200L) * i;
        remote[i] = local[i];
        length[i] = 100;
      }
      SeamFinder seams = new SeamFinder(new long[] {1}, new long[] {Long.MAX_VALUE});
      BlockColumns blocks = BlockColumns.of(local, remote, length);
      task = new TransferTask(Operation.WRITE, blocks, seams, seams, this);
      long from = ring.end();
      assertThat(task.claim(ring, 16, Long.MAX_VALUE, Long.MAX_VALUE))
          .isEqualTo(adjacent ? 1 : count);
      for (long position = from; position < ring.end(); position++) {
        ring.startsAt(position, position);
      }
    }

    @Override
    public void taskEnded(
        TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {
      ends.add(state + (why == null ? "" : ": " + why.getMessage()));
    }
  }

  /** The {@code silent}th time that it is asked for its text there is no memory for it. */
  private static OutOfMemoryError withoutWordsAt(int silent) {
    return new OutOfMemoryError() {
      private static final long serialVersionUID = 1;
      private int asked;

      @Override
      public String getMessage() {
        if (++asked == silent) {
          throw new OutOfMemoryError("no memory for words");
        }
        return "the test's";
      }
    };
  }

  /** Whenever it is asked for its text there is no memory for it. */
  private static OutOfMemoryError withoutWords() {
    return new OutOfMemoryError() {
      private static final long serialVersionUID = 1;

      @Override
      public String getMessage() {
        throw this;
      }
    };
  }

  /** Else the memory of its transfer stays in use for ever. */
  @Test
  void ifThereAreNoWordsAtAllEachRequestIsSettledAllTheSame() {
    List<Work> works = List.of(new Work(1), new Work(3), new Work(1));
    outcomes.unanswered(fault(withoutWords()), Long.MAX_VALUE);
    for (Work work : works) {
      assertThat(work.ends)
          .hasSize(1)
          .first()
          .asString()
          .startsWith("FAILED: This process ran out");
      assertThat(work.task.isQuiet()).isTrue();
    }
    assertThat(ring.size()).isZero();
  }

  private static ConnectionEnd fault(Throwable cause) {
    return new ConnectionEnd(ConnectionEnd.Reason.FAULT, "", cause, 0);
  }

  @Test
  void whatWasTakenOffATaskIsSettledThoughTheNextThrows() {
    Work canceled = new Work(4);
    Work other = new Work(1);
    canceled.task.end(
        TransferState.CANCELED,
        new TransferException(ErrorCode.CANCELED, "by the test", ""),
        FailureCause.CANCELED);
    assertThatThrownBy(
            () ->
                outcomes.orphan(
                    canceled.task,
                    position -> {
                      if (position == 2) {
                        throw new OutOfMemoryError("meant to be thrown");
                      }
                      return true;
                    }))
        .hasMessage("meant to be thrown");
    assertThat(canceled.ends).isEmpty();
    assertThat(other.ends).isEmpty();
    // As the connection does, which this ends.
    outcomes.unanswered(fault(new OutOfMemoryError("meant to be thrown")), Long.MAX_VALUE);
    assertThat(canceled.ends).hasSize(1).first().asString().startsWith("CANCELED");
    assertThat(canceled.task.isQuiet()).isTrue();
    assertThat(other.ends).hasSize(1).first().asString().startsWith("FAILED");
  }

  @Test
  void ifTheEndOfOneRequestThrowsItFailsAndTheOthersAreSettled() {
    List<Work> works = List.of(new Work(1), new Work(2), new Work(1));
    try (LogCapture log = new LogCapture()) {
      // Settled from the newest on: it is the second of them that there are no words for.
      outcomes.unanswered(fault(withoutWordsAt(2)), Long.MAX_VALUE);
      assertThat(log.warnings()).hasSize(1).first().asString().contains("could not be settled");
    }
    assertThat(ring.size()).isZero();
    for (Work work : works) {
      assertThat(work.ends).hasSize(1).first().asString().startsWith("FAILED");
      assertThat(work.task.isQuiet()).isTrue();
    }
    assertThat(works.get(1).ends.getFirst()).contains("no memory for words");
    assertThat(works.get(0).ends.getFirst()).contains("the test's");
  }

  @Test
  void ifARequestThatCouldNotBeSentCannotBeFailedEitherTheOthersGoBack() {
    Work before = new Work(1);
    Work accused = new Work(1);
    Work behind = new Work(2);
    try (LogCapture log = new LogCapture()) {
      outcomes.notSent(1, 1, withoutWordsAt(1));
      assertThat(log.warnings()).hasSize(1).first().asString().contains("could not be settled");
    }
    assertThat(ring.size()).isOne();
    assertThat(accused.ends).hasSize(1).first().asString().contains("no memory for words");
    assertThat(behind.ends).isEmpty();
    assertThat(behind.task.hasWork()).isTrue();
    assertThat(behind.task.isQuiet()).isTrue();
    assertThat(before.ends).isEmpty();
    assertThat(before.task.isQuiet()).isFalse();
  }

  @Test
  void aLostReadThatCannotBeFailedIsStillThereToBeSettled() {
    Work lost = new Work(1);
    assertThatThrownBy(() -> outcomes.lost(0, withoutWordsAt(1))).hasMessage("no memory for words");
    outcomes.unanswered(fault(new OutOfMemoryError("no memory for words")), Long.MAX_VALUE);
    assertThat(lost.ends).hasSize(1).first().asString().startsWith("FAILED");
    assertThat(lost.task.isQuiet()).isTrue();
  }

  @Test
  void aRefusedRequestGoesBackInPiecesAndThoseBehindItWhole() {
    Work merged = new Work(3, true);
    Work behind = new Work(1);
    outcomes.unanswered(
        new ConnectionEnd(ConnectionEnd.Reason.REJECTED, "refused", null, 0), Long.MAX_VALUE);
    assertThat(ring.size()).isZero();
    for (Work work : List.of(merged, behind)) {
      assertThat(work.ends).isEmpty();
      assertThat(work.task.hasWork()).isTrue();
      assertThat(work.task.isQuiet()).isTrue();
    }
    assertThat(merged.task.claim(ring, 16, Long.MAX_VALUE, Long.MAX_VALUE)).isEqualTo(3);
    ring.clear();
    merged.task.completed(3, 300);
    assertThat(merged.ends).containsExactly("COMPLETED");
  }
}
