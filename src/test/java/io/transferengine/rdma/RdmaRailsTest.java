// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.Transfer;
import io.transferengine.testkit.Pattern;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Two devices on each side, in pairs on two cables without a way from one to the other. What each
 * one carries is read from the driver's counters.
 */
@Tag("rdma")
@Timeout(180)
class RdmaRailsTest {
  private static final long LENGTH = 8 << 20;
  private static final int PARTS = 8;

  /**
   * How often all of it is moved where both rails must be seen. The guest has one processor: within
   * 10 ms, which are some megabytes, the worker that was woken first may have it for itself.
   */
  private static final int TIMES = 8;

  /** A rail carries traffic when it has sent so many packets of 4 KiB: a sixteenth of all. */
  private static final long SHARE = LENGTH / 4096 / 16;

  /** How long a rail that is back may take to be used again. */
  private static final long RECOVERY_NANOS = 60_000_000_000L;

  @SuppressWarnings("NullAway.Init") // open() is the first to run
  private static RdmaPair pair;

  @BeforeAll
  static void open() {
    RdmaPort.requireGuest();
    pair = new RdmaPair(LENGTH, "rxe0,rxe2", "rxe1,rxe3", Map.of());
  }

  @AfterAll
  static void close() {
    if (RdmaPort.inGuest()) {
      pair.close();
    }
  }

  /** What a test before this one cut may take a moment to be connected again. */
  @BeforeEach
  void bothRailsAreInUse() {
    for (int rail = 0; rail < 2; rail++) {
      awaitTraffic("rxe" + 2 * rail);
    }
  }

  @AfterEach
  void mend() {
    Shell.mend(0);
    Shell.mend(1);
  }

  private static List<Transfer> submitAll(Operation operation, int times) {
    List<Transfer> transfers = new ArrayList<>();
    for (int i = 0; i < times * PARTS; i++) {
      transfers.add(pair.submit(operation, i % PARTS * (LENGTH / PARTS), LENGTH / PARTS));
    }
    return transfers;
  }

  private static List<Transfer> submitAll(Operation operation) {
    return submitAll(operation, 1);
  }

  private static void write(long seed) {
    pair.mine.fill(seed);
    submitAll(Operation.WRITE, TIMES).forEach(RdmaPair::assertCompleted);
    assertThat(pair.peer().mismatch(pair.remote(), LENGTH, seed)).isEqualTo(-1);
  }

  private static void read(long seed) {
    pair.peer().fill(pair.remote(), LENGTH, seed);
    submitAll(Operation.READ, TIMES).forEach(RdmaPair::assertCompleted);
    assertThat(Pattern.firstMismatch(pair.mine.segment(), seed, 0)).isEqualTo(-1);
  }

  /** Writes until a device has a share of the traffic. */
  private static void awaitTraffic(String device) {
    long before = sent(device);
    long end = System.nanoTime() + RECOVERY_NANOS;
    while (sent(device) - before < SHARE) {
      assertThat(System.nanoTime()).as("%s is not used", device).isLessThan(end);
      write(end);
    }
  }

  private static long sent(String device) {
    return RdmaPort.packetsSent(device);
  }

  @Test
  void bothRailsCarryTraffic() {
    long zero = sent("rxe0");
    long two = sent("rxe2");
    write(1);
    assertThat(sent("rxe0") - zero).as("rxe0").isGreaterThan(SHARE);
    assertThat(sent("rxe2") - two).as("rxe2").isGreaterThan(SHARE);
    long one = sent("rxe1");
    long three = sent("rxe3");
    read(2);
    assertThat(sent("rxe1") - one).as("rxe1").isGreaterThan(SHARE);
    assertThat(sent("rxe3") - three).as("rxe3").isGreaterThan(SHARE);
    pair.assertOverRdmaOnly();
  }

  /** A large transfer is spread, too, not only many small ones. */
  @Test
  void oneTransferUsesBothRails() {
    long zero = sent("rxe0");
    long two = sent("rxe2");
    pair.mine.fill(3);
    long[] from = new long[TIMES];
    long[] to = new long[TIMES];
    long[] lengths = new long[TIMES];
    Arrays.fill(from, pair.mine.address());
    Arrays.fill(to, pair.remote());
    Arrays.fill(lengths, LENGTH);
    RdmaPair.assertCompleted(
        pair.engine.submit(
            TransferRequest.of(
                Operation.WRITE, pair.peer().name(), BlockColumns.of(from, to, lengths))));
    assertThat(pair.peer().mismatch(pair.remote(), LENGTH, 3)).isEqualTo(-1);
    assertThat(sent("rxe0") - zero).as("rxe0").isGreaterThan(SHARE);
    assertThat(sent("rxe2") - two).as("rxe2").isGreaterThan(SHARE);
  }

  @Test
  void aRailThatIsCutIsLeftAndComesBack() {
    for (int rail = 0; rail < 2; rail++) {
      String cutDevice = "rxe" + 2 * rail;
      String otherDevice = "rxe" + 2 * (1 - rail);
      write(10 + rail);
      List<Transfer> underWay = submitAll(Operation.WRITE);
      Shell.cut(rail);
      underWay.forEach(RdmaPair::assertCompleted);

      long other = sent(otherDevice);
      write(20 + rail);
      read(30 + rail);
      assertThat(sent(otherDevice) - other)
          .as("%s while %s is cut off", otherDevice, cutDevice)
          .isGreaterThan(LENGTH / 4096);

      Shell.mend(rail);
      awaitTraffic(cutDevice);
    }
    pair.assertOverRdmaOnly();
  }

  @Test
  void bothRailsCutForTwoSeconds() throws Exception {
    write(50);
    pair.mine.fill(51);
    List<Transfer> underWay = submitAll(Operation.WRITE);
    Shell.cut(0);
    Shell.cut(1);
    Thread.sleep(2000);
    Shell.mend(0);
    Shell.mend(1);
    underWay.forEach(RdmaPair::assertCompleted);
    assertThat(pair.peer().mismatch(pair.remote(), LENGTH, 51)).isEqualTo(-1);
    pair.assertOverRdmaOnly();
  }
}
