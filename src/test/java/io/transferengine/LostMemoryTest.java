// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Registered memory that is mapped but no longer there: a mapped file that somebody truncated, a
 * full /dev/shm, huge pages that ran out.
 */
@Timeout(60)
class LostMemoryTest {
  private static final int MIB = 1 << 20;

  @TempDir Path folder;

  /** C1: foreign bytes arrived, the status said COMPLETED, and the lane hung. */
  @ParameterizedTest
  @CsvSource({"1", "4"})
  void aSmallWriteFromLostMemoryFailsAndNothingElse(int lanes) throws Exception {
    try (RawTarget target = new RawTarget(2, MIB).takingVectors();
        DoomedMemory doomed = new DoomedMemory(folder, MIB);
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(lanes));
        Registration _ = here.engine.register(doomed.segment)) {
      here.put(0, random(1, MIB));
      for (int i = 0; i < 8; i++) {
        assertCompleted(here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 1000));
      }
      doomed.truncate();
      byte[] before = target.memory().clone();
      Transfer lost =
          here.submit(
              Operation.WRITE,
              target.name(),
              BlockColumns.of(doomed.segment.address(), RawTarget.BASE + 5000, 100));
      assertLost(lost, doomed);
      assertThat(target.memory()).as("nothing foreign").isEqualTo(before);
      assertCompleted(here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 2000));
      assertThat(Arrays.copyOf(target.memory(), 2000)).isEqualTo(random(1, 2000));
      assertThat(target.accepted()).as("connections").isLessThanOrEqualTo(lanes);
    }
  }

  /** One bad block in the middle of a frame, and of several frames. */
  @ParameterizedTest
  @CsvSource({"3,100", "40,100", "200,1000", "600,4000"})
  void aBatchWithOneLostBlockFailsAndItsNeighboursComplete(int count, int size) throws Exception {
    try (RawTarget target = new RawTarget(2, 8 * MIB).takingVectors();
        DoomedMemory doomed = new DoomedMemory(folder, MIB);
        TestEngine here = new TestEngine(8 * MIB, b -> b.tcpLanesPerPeer(1));
        Registration _ = here.engine.register(doomed.segment)) {
      here.put(0, random(1, 8 * MIB));
      assertCompleted(
          here.submit(Operation.WRITE, target.name(), RawTargetTest.scattered(here, 4, 64)));
      doomed.truncate();
      long[] local = new long[count];
      long[] remote = new long[count];
      long[] length = new long[count];
      for (int i = 0; i < count; i++) {
        local[i] = i == count / 2 ? doomed.segment.address() : here.address() + 2L * i * size;
        remote[i] = RawTarget.BASE + 2L * i * size;
        length[i] = size;
      }
      Transfer good = here.submit(Operation.WRITE, target.name(), 0, 0);
      for (int round = 0; round < 5; round++) {
        Transfer bad =
            here.submit(Operation.WRITE, target.name(), BlockColumns.of(local, remote, length));
        good =
            here.submit(
                Operation.WRITE,
                target.name(),
                BlockColumns.of(here.address(), RawTarget.BASE + 7 * MIB, 300_000));
        assertLost(bad, doomed);
        assertCompleted(good);
        assertThat(Arrays.copyOfRange(target.memory(), 7 * MIB, 7 * MIB + 300_000))
            .isEqualTo(random(1, 300_000));
        Arrays.fill(target.memory(), (byte) 0);
      }
      assertThat(target.accepted()).as("connections").isEqualTo(1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "2,WRITE,100000",
    "2,READ,100",
    "2,READ,100000",
    "1,WRITE,100",
    "1,WRITE,100000",
    "1,READ,100",
    "1,READ,100000"
  })
  void lostMemoryIsNamed(int version, Operation operation, int size) throws Exception {
    try (RawTarget target = new RawTarget(version, MIB);
        DoomedMemory doomed = new DoomedMemory(folder, MIB);
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1));
        Registration _ = here.engine.register(doomed.segment)) {
      here.put(0, random(1, MIB));
      assertCompleted(
          here.submit(Operation.READ, target.name(), RawTargetTest.scattered(here, 4, 64)));
      doomed.truncate();
      Transfer lost =
          here.submit(
              operation,
              target.name(),
              BlockColumns.of(doomed.segment.address(), RawTarget.BASE, size));
      assertLost(lost, doomed);
      assertCompleted(here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 2000));
      assertCompleted(here.submit(Operation.READ, target.name(), RawTarget.BASE, 200_000));
    }
  }

  /** Copies of compiled code are told late; the read had been counted as complete by then. */
  @Test
  void aSmallReadIntoLostMemoryFailsInCompiledCodeToo() throws Exception {
    try (RawTarget target = new RawTarget(2, MIB).takingVectors();
        DoomedMemory doomed = new DoomedMemory(folder, MIB);
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1));
        Registration _ = here.engine.register(doomed.segment)) {
      int count = 200;
      long[] local = new long[count];
      long[] remote = new long[count];
      long[] length = new long[count];
      for (int i = 0; i < count; i++) {
        local[i] = doomed.segment.address() + 4096L * i;
        remote[i] = RawTarget.BASE + 2000L * i;
        length[i] = 1000;
      }
      for (int i = 0; i < 200; i++) {
        assertCompleted(
            here.submit(Operation.READ, target.name(), BlockColumns.of(local, remote, length)));
      }
      doomed.truncate();
      for (int i = 0; i < 20; i++) {
        Transfer lost =
            here.submit(
                Operation.READ,
                target.name(),
                BlockColumns.of(doomed.segment.address(), RawTarget.BASE, 100));
        assertLost(lost, doomed);
      }
      assertCompleted(here.submit(Operation.READ, target.name(), RawTarget.BASE, 2000));
      assertThat(target.accepted()).as("connections").isEqualTo(1);
    }
  }

  private static void assertLost(Transfer transfer, DoomedMemory doomed) {
    TestEngine.assertFailed(transfer);
    assertThat(transfer.failure().orElseThrow())
        .hasMessageContaining("local memory from 0x%x".formatted(doomed.segment.address()))
        .hasMessageContaining("truncated");
  }
}
