// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.engine.Blocked;
import io.transferengine.engine.LastResort;
import io.transferengine.engine.TransferHandle;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What becomes of a transfer that a mistake of ours keeps from ending: here, a loop that stands.
 */
@Timeout(120)
class LastResortTest {
  private static final int SIZE = 1 << 20;

  /** A transfer whose request is out on an event loop that stands still, and past its deadline. */
  private static final class Stuck implements AutoCloseable {
    final RawTarget silent = new RawTarget(2, SIZE);
    final RawTarget other = new RawTarget(2, SIZE);
    final TestEngine here = new TestEngine(SIZE, b -> b.tcpIoThreads(1));
    final CountDownLatch goesOn = new CountDownLatch(1);
    final MemorySegment memory = here.arena.allocate(SIZE, 4096);
    final Transfer transfer;

    Stuck() throws Exception {
      var _ = here.engine.register(memory);
      silent.behaving(RawTarget.Connection::drain);
      CountDownLatch mayAnswer = new CountDownLatch(1);
      other.behaving(
          c -> {
            RawTarget.Request request = c.required();
            RawTargetTest.await(mayAnswer);
            c.serve(request);
            c.drain();
          });
      transfer =
          here.submit(
              Operation.READ,
              silent.name(),
              BlockColumns.of(memory.address(), RawTarget.BASE, 100),
              Duration.ofSeconds(10));
      eventually("sent", () -> here.count(Counter.REQUESTS_SENT) == 1);
      TransferHandle blocking =
          here.engine.begin(
              TransferRequest.of(
                  Operation.READ,
                  other.name(),
                  BlockColumns.of(here.address(), RawTarget.BASE, 100)));
      Blocked.whenOver(blocking, goesOn);
      mayAnswer.countDown();
      TestEngine.assertCompleted(new Transfer(blocking));
    }

    @Override
    public void close() throws IOException {
      goesOn.countDown();
      here.close();
      silent.close();
      other.close();
    }
  }

  @Test
  void whatCarriesAnOverdueTransferIsClosed() throws Exception {
    try (LogCapture log = new LogCapture();
        Stuck stuck = new Stuck()) {
      eventually("cut off", () -> stuck.here.count(Counter.LAST_RESORTS) == 1);
      assertThat(stuck.transfer.state().isTerminal()).isFalse();
      assertThat(LastResort.takeCount()).isEqualTo(1);
      stuck.goesOn.countDown();
      assertThat(TestEngine.end(stuck.transfer)).isEqualTo(TransferState.TIMEOUT);
      stuck.here.assertNothingInFlight();
      assertThat(log.warnings())
          .anyMatch(
              line -> line.contains("not settled 5 s after") && line.contains(stuck.silent.name()));
    }
    assertThat(LastResort.takeCount()).isZero();
  }

  @Test
  void whatCannotBeCutOffEndsAndItsMemoryStaysInUse() throws Exception {
    try (LogCapture log = new LogCapture();
        Stuck stuck = new Stuck()) {
      assertThat(TestEngine.end(stuck.transfer)).isEqualTo(TransferState.FAILED);
      TransferException failure = stuck.transfer.failure().orElseThrow();
      assertThat(failure.code()).isEqualTo(ErrorCode.BATCH_BUSY);
      assertThat(failure).hasMessageContaining("could not be cut off");
      assertThat(stuck.here.count(Counter.LAST_RESORTS)).isEqualTo(2);
      assertThat(LastResort.takeCount()).isEqualTo(2);
      assertThat(log.warnings())
          .anyMatch(line -> line.contains("could not be cut off: it ends as failed"));
      var regions = stuck.here.engine.core().memory().regions();
      assertThat(Objects.requireNonNull(regions.find(stuck.memory.address(), 1)).inFlight())
          .as("uses of memory that may still be written to")
          .isEqualTo(1);
      stuck.goesOn.countDown();
      // The loop has gone on, and settled what was left: the memory is free after all.
      stuck.here.assertNothingInFlight();
      eventually(
          "said so",
          () -> log.warnings().stream().anyMatch(line -> line.contains("settled after all")));
    }
    assertThat(LastResort.takeCount()).isZero();
  }
}
