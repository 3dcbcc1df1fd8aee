// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.Transfer;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Peers that die, cables that are cut and callers that give up, each in the middle of transfers.
 * Every transfer ends, and after its end nothing is written any more.
 */
@Tag("rdma")
@Timeout(180)
class RdmaFaultTest {
  private static final long LENGTH = 32 << 20;

  /** What is submitted at once, so that a transfer stays in flight for long: 16 times all. */
  private static final int AT_ONCE = 16;

  /** Long enough for what is on its way in this machine to arrive, if it does. */
  private static final long AFTERMATH_MILLIS = 1000;

  private static final String PORT = "16931";

  @SuppressWarnings("NullAway.Init") // open() is the first to run
  private static RdmaPair pair;

  @BeforeAll
  static void open() {
    pair = new RdmaPair(LENGTH, Map.of("TE_RPC_PORT", PORT));
  }

  @AfterAll
  static void close() {
    pair.close();
  }

  private static List<Transfer> submitMany(Operation operation) {
    List<Transfer> transfers = new ArrayList<>();
    for (int i = 0; i < AT_ONCE; i++) {
      transfers.add(pair.submit(operation, 0, LENGTH));
    }
    return transfers;
  }

  /** Waits until some bytes are known to have arrived, but not all. */
  private static void awaitTheMiddle(List<Transfer> transfers) throws InterruptedException {
    while (transfers.getFirst().transferredBytes() == 0) {
      assertThat(transfers.getFirst().state().isTerminal()).isFalse();
      Thread.sleep(1);
    }
    assertThat(transfers.getLast().state().isTerminal()).isFalse();
  }

  private static void assertUntouchedFromNowOn(long seed) throws InterruptedException {
    pair.mine.fill(seed);
    Thread.sleep(AFTERMATH_MILLIS);
    assertThat(Pattern.firstMismatch(pair.mine.segment(), seed, 0))
        .as("memory after the terminal state")
        .isEqualTo(-1);
  }

  @Test
  void aPeerKilledInTheMiddleAndRestartedUnderItsName() throws Exception {
    pair.assertWorks(1);
    for (Operation operation : Operation.values()) {
      List<Transfer> transfers = new ArrayList<>();
      for (int i = 0; i < AT_ONCE; i++) {
        transfers.add(
            pair.engine.submit(
                pair.request(operation, 0, LENGTH).withTimeout(Duration.ofSeconds(8))));
      }
      awaitTheMiddle(transfers);
      pair.peer().kill();
      for (Transfer transfer : transfers) {
        assertThat(RdmaPair.end(transfer))
            .isIn(TransferState.COMPLETED, TransferState.FAILED, TransferState.TIMEOUT);
      }
      assertThat(transfers.getLast().state()).isNotEqualTo(TransferState.COMPLETED);
      assertUntouchedFromNowOn(2);
      pair.replacePeer();
      pair.assertWorks(3);
    }
  }

  @Test
  void aCancelledReadWritesNothingAfterItsEnd() throws Exception {
    List<Transfer> transfers = submitMany(Operation.READ);
    awaitTheMiddle(transfers);
    transfers.forEach(Transfer::cancel);
    for (Transfer transfer : transfers) {
      assertThat(RdmaPair.end(transfer)).isIn(TransferState.COMPLETED, TransferState.CANCELED);
    }
    assertThat(transfers.getLast().state()).isEqualTo(TransferState.CANCELED);
    assertUntouchedFromNowOn(4);
    pair.assertWorks(5);
  }

  /** Another transfer to the same peer, on the same queue pairs, goes on. */
  @Test
  void cancellingOneTransferDoesNotHarmAnother() throws Exception {
    pair.mine.fill(6);
    pair.peer().zero(pair.remote(), LENGTH);
    List<Transfer> doomed = submitMany(Operation.WRITE);
    Transfer kept = pair.submit(Operation.WRITE, 0, LENGTH);
    awaitTheMiddle(doomed);
    doomed.forEach(Transfer::cancel);
    RdmaPair.assertCompleted(kept);
    doomed.forEach(RdmaPair::end);
    assertThat(pair.peer().mismatch(pair.remote(), LENGTH, 6)).isEqualTo(-1);
  }

  /** What we put into our memory after the end of a write never arrives. */
  @Test
  void aCancelledWriteReadsNothingAfterItsEnd() throws Exception {
    byte before = 1;
    byte after = 2;
    pair.mine.segment().fill(before);
    pair.peer().zero(pair.remote(), LENGTH);
    List<Transfer> transfers = submitMany(Operation.WRITE);
    awaitTheMiddle(transfers);
    transfers.forEach(Transfer::cancel);
    transfers.forEach(RdmaPair::end);
    assertThat(transfers.getLast().state()).isEqualTo(TransferState.CANCELED);
    pair.mine.segment().fill(after);
    Thread.sleep(AFTERMATH_MILLIS);
    assertThat(pair.peer().ask("count", pair.remote(), LENGTH, before)).isNotEqualTo("0");
    assertThat(pair.peer().ask("count", pair.remote(), LENGTH, after)).isEqualTo("0");
    pair.assertWorks(22);
  }

  @Test
  void aDeadlineThatPassesInTheMiddle() throws Exception {
    RdmaPort.requireGuest(); // a faster network has moved all of it before any deadline
    pair.assertWorks(7);
    TransferState last = TransferState.COMPLETED;
    // The guest has moved all of it within 300 ms, too.
    for (long millis = 300; last == TransferState.COMPLETED && millis > 0; millis /= 2) {
      List<Transfer> transfers = new ArrayList<>();
      for (int i = 0; i < AT_ONCE; i++) {
        transfers.add(
            pair.engine.submit(
                pair.request(Operation.READ, 0, LENGTH).withTimeout(Duration.ofMillis(millis))));
      }
      for (Transfer transfer : transfers) {
        last = RdmaPair.end(transfer);
        assertThat(last).isIn(TransferState.COMPLETED, TransferState.TIMEOUT);
      }
    }
    assertThat(last).isEqualTo(TransferState.TIMEOUT);
    assertUntouchedFromNowOn(8);
    pair.assertWorks(9);
  }

  /** The cable is cut, so that the transfers cannot end by themselves. */
  @Test
  void unregisteringOurMemoryInTheMiddle() throws Exception {
    RdmaPort.requireGuest();
    try (Mapped taken = Mapped.of(LENGTH)) {
      var registration = pair.engine.register(taken.segment());
      List<Transfer> transfers = new ArrayList<>();
      for (int i = 0; i < AT_ONCE; i++) {
        transfers.add(
            pair.engine.submit(
                TransferRequest.read(pair.peer().name(), taken.segment(), pair.remote())));
      }
      awaitTheMiddle(transfers);
      Shell.cut(0);
      try {
        registration.close();
        taken.fill(10);
      } finally {
        Shell.mend(0);
      }
      Thread.sleep(AFTERMATH_MILLIS);
      assertThat(Pattern.firstMismatch(taken.segment(), 10, 0))
          .as("memory after the registration's end")
          .isEqualTo(-1);
      for (Transfer transfer : transfers) {
        assertThat(RdmaPair.end(transfer)).isIn(TransferState.COMPLETED, TransferState.FAILED);
      }
      assertThat(transfers.getLast().state()).isEqualTo(TransferState.FAILED);
    }
    pair.assertWorks(11);
  }

  @Test
  void thePeerTakesItsMemoryBackInTheMiddle() throws Exception {
    pair.assertWorks(12);
    List<Transfer> transfers = submitMany(Operation.WRITE);
    awaitTheMiddle(transfers);
    assertThat(pair.peer().call("unregisterMemory", pair.remote())).isZero();
    pair.peer().fill(pair.remote(), LENGTH, 13);
    for (Transfer transfer : transfers) {
      assertThat(RdmaPair.end(transfer)).isIn(TransferState.COMPLETED, TransferState.FAILED);
    }
    assertThat(transfers.getLast().state()).isEqualTo(TransferState.FAILED);
    assertThat(pair.peer().mismatch(pair.remote(), LENGTH, 13))
        .as("the peer's memory after unregisterMemory")
        .isEqualTo(-1);
    assertThat(pair.peer().call("registerMemory", pair.remote(), LENGTH)).isZero();
    pair.assertWorks(14);
  }

  /** A queue pair dies 0.6 s after the cable was cut. */
  @Test
  void aCableThatIsCutForThreeSecondsInTheMiddle() throws Exception {
    RdmaPort.requireGuest();
    for (Operation operation : Operation.values()) {
      pair.mine.fill(operation == Operation.WRITE ? 15 : 16);
      pair.peer().fill(pair.remote(), LENGTH, operation == Operation.WRITE ? 17 : 18);
      List<Transfer> transfers = submitMany(operation);
      awaitTheMiddle(transfers);
      try {
        Shell.cut(0);
        Thread.sleep(3000);
      } finally {
        Shell.mend(0);
      }
      transfers.forEach(RdmaPair::assertCompleted);
      if (operation == Operation.WRITE) {
        assertThat(pair.peer().mismatch(pair.remote(), LENGTH, 15)).isEqualTo(-1);
      } else {
        assertThat(Pattern.firstMismatch(pair.mine.segment(), 18, 0)).isEqualTo(-1);
      }
    }
    pair.assertOverRdmaOnly();
    pair.assertWorks(19);
  }

  @Test
  void onePercentOfThePacketsIsLost() {
    RdmaPort.requireGuest();
    long seed = Long.getLong("seed", new Random().nextLong());
    Random random = new Random(seed);
    Shell.lose(0, "1%");
    try {
      for (int round = 0; round < 40; round++) {
        long length = 1 + random.nextLong(256 << 10);
        long offset = random.nextLong(LENGTH - length);
        Operation operation = random.nextBoolean() ? Operation.WRITE : Operation.READ;
        var ours = pair.mine.segment().asSlice(offset, length);
        if (operation == Operation.WRITE) {
          Pattern.fill(ours, round, 0);
          RdmaPair.assertCompleted(pair.submit(operation, offset, length));
          assertThat(pair.peer().mismatch(pair.remote() + offset, length, round))
              .as("seed %d, round %d", seed, round)
              .isEqualTo(-1);
        } else {
          pair.peer().fill(pair.remote() + offset, length, round);
          RdmaPair.assertCompleted(pair.submit(operation, offset, length));
          assertThat(Pattern.firstMismatch(ours, round, 0))
              .as("seed %d, round %d", seed, round)
              .isEqualTo(-1);
        }
      }
    } finally {
      Shell.loseNothing(0);
    }
    pair.assertOverRdmaOnly();
  }

  @Test
  void closingAnEngineEndsItsTransfers() throws Exception {
    try (RdmaPair second = new RdmaPair(LENGTH, Map.of())) {
      List<Transfer> transfers = new ArrayList<>();
      for (int i = 0; i < AT_ONCE; i++) {
        transfers.add(second.submit(Operation.READ, 0, LENGTH));
      }
      awaitTheMiddle(transfers);
      second.engine.close();
      for (Transfer transfer : transfers) {
        assertThat(transfer.state()).isIn(TransferState.COMPLETED, TransferState.FAILED);
      }
      assertThat(transfers.getLast().state()).isEqualTo(TransferState.FAILED);
      second.mine.fill(20);
      Thread.sleep(AFTERMATH_MILLIS);
      assertThat(Pattern.firstMismatch(second.mine.segment(), 20, 0)).isEqualTo(-1);
    }
    pair.assertWorks(21);
  }
}
