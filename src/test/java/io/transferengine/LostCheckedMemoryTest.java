// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Registered memory that is mapped but no longer there, on connections with checksums: each side
 * sums what it sends and what has arrived, and finds the pages gone while it does so.
 */
@Timeout(120)
class LostCheckedMemoryTest {
  private static final int MIB = 1 << 20;

  /** In one transfer, so that they share a frame. */
  private static final int BLOCKS = 64;

  /** So that copies and sums are compiled code, which is told of lost memory late. */
  private static final int WARM_UPS = 100;

  @TempDir Path folder;

  private static EngineConfig.Builder checked(EngineConfig.Builder config) {
    return config.checksum(ChecksumMode.REQUIRE_CRC32C).tcpLanesPerPeer(1);
  }

  @ParameterizedTest
  @CsvSource({
    "WRITE,100",
    "WRITE,100000",
    "WRITE,1000000",
    "READ,100",
    "READ,100000",
    "READ,1000000"
  })
  void lostLocalMemoryFailsItsTransferAndNoOther(Operation operation, int size) throws Exception {
    try (LogCapture log = new LogCapture();
        TestEngine there = new TestEngine(4 * MIB);
        DoomedMemory doomed = new DoomedMemory(folder, MIB);
        TestEngine here = new TestEngine(4 * MIB, LostCheckedMemoryTest::checked)) {
      Registration registered = here.engine.register(doomed.segment);
      warmUp(here, there, doomed.segment.address(), there.address());
      here.put(0, random(1, 4 * MIB));
      there.put(0, random(2, 4 * MIB));
      doomed.truncate();
      for (int i = 0; i < 3; i++) {
        Transfer lost =
            submit(here, there, operation, doomed.segment.address(), there.address(), size);
        Transfer neighbour =
            submit(here, there, operation, here.address() + MIB, there.address() + MIB, 300_000);
        assertFailed(lost);
        assertThat(lost.failure().orElseThrow())
            .hasMessageContaining("local memory from 0x%x".formatted(doomed.segment.address()))
            .hasMessageContaining("truncated");
        assertCompleted(neighbour);
        assertMoved(operation, here, there);
      }
      assertNothingElse(log, here, there);
      registered.close();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "WRITE,100",
    "WRITE,100000",
    "WRITE,1000000",
    "READ,100",
    "READ,100000",
    "READ,1000000"
  })
  void lostTargetMemoryFailsItsTransferAndKeepsNothing(Operation operation, int size)
      throws Exception {
    try (LogCapture log = new LogCapture();
        TestEngine there = new TestEngine(4 * MIB);
        DoomedMemory doomed = new DoomedMemory(folder, MIB);
        TestEngine here = new TestEngine(4 * MIB, LostCheckedMemoryTest::checked)) {
      Registration registered = there.engine.register(doomed.segment);
      warmUp(here, there, here.address(), doomed.segment.address());
      here.put(0, random(1, 4 * MIB));
      there.put(0, random(2, 4 * MIB));
      doomed.truncate();
      for (int i = 0; i < 3; i++) {
        Transfer lost =
            submit(here, there, operation, here.address(), doomed.segment.address(), size);
        assertFailed(lost);
        assertThat(lost.failure().orElseThrow().code())
            .as("%s", lost.failure())
            .isNotEqualTo(ErrorCode.CHECKSUM);
        assertCompleted(
            submit(here, there, operation, here.address() + MIB, there.address() + MIB, 300_000));
        assertMoved(operation, here, there);
      }
      assertThat(log.warnings()).anyMatch(line -> line.contains("pages are gone"));
      assertNothingElse(log, here, there);
      registered.close();
    }
  }

  /** One block of a frame, and of several frames. */
  @ParameterizedTest
  @CsvSource({
    "WRITE,100,true", "WRITE,9000,true", "READ,100,true", "READ,9000,true",
    "WRITE,100,false", "WRITE,9000,false", "READ,100,false", "READ,9000,false"
  })
  void oneLostBlockFailsItsBatch(Operation operation, int size, boolean local) throws Exception {
    try (LogCapture log = new LogCapture();
        TestEngine there = new TestEngine(4 * MIB);
        DoomedMemory doomed = new DoomedMemory(folder, MIB);
        TestEngine here = new TestEngine(4 * MIB, LostCheckedMemoryTest::checked)) {
      TestEngine losing = local ? here : there;
      Registration registered = losing.engine.register(doomed.segment);
      long gone = doomed.segment.address();
      warmUp(here, there, local ? gone : here.address(), local ? there.address() : gone);
      here.put(0, random(1, 4 * MIB));
      there.put(0, random(2, 4 * MIB));
      doomed.truncate();
      long[] from = spread(here.address(), 2L * size);
      long[] to = spread(there.address(), 2L * size);
      (local ? from : to)[BLOCKS / 2] = gone;
      long[] lengths = spread(size, 0);
      for (int i = 0; i < 3; i++) {
        Transfer lost =
            here.submit(operation, there.engine.segmentName(), BlockColumns.of(from, to, lengths));
        assertFailed(lost);
        assertThat(lost.failure().orElseThrow().code())
            .as("%s", lost.failure())
            .isNotEqualTo(ErrorCode.CHECKSUM);
        assertCompleted(
            submit(
                here, there, operation, here.address() + 2 * MIB, there.address() + 2 * MIB, MIB));
        assertThat(there.bytes(2 * MIB, MIB)).isEqualTo(here.bytes(2 * MIB, MIB));
      }
      assertNothingElse(log, here, there);
      registered.close();
    }
  }

  private static long[] spread(long first, long step) {
    long[] all = new long[BLOCKS];
    Arrays.setAll(all, i -> first + i * step);
    return all;
  }

  private static Transfer submit(
      TestEngine here, TestEngine there, Operation operation, long local, long remote, int size) {
    return here.submit(operation, there.engine.segmentName(), BlockColumns.of(local, remote, size));
  }

  /** Blocks that are adjacent on one side only are not merged. */
  private static void warmUp(TestEngine here, TestEngine there, long local, long remote) {
    int step = MIB / BLOCKS;
    for (int i = 0; i < WARM_UPS; i++) {
      for (Operation operation : Operation.values()) {
        assertCompleted(
            here.submit(
                operation,
                there.engine.segmentName(),
                BlockColumns.of(
                    spread(local, step),
                    spread(remote, step),
                    spread(i % 2 == 0 ? 100 : 9000, 0))));
      }
    }
    assertThat(here.count(Counter.TRANSFERS_UNCHECKED)).isZero();
  }

  private static void assertMoved(Operation operation, TestEngine here, TestEngine there) {
    byte[] moved =
        Arrays.copyOfRange(
            random(operation == Operation.WRITE ? 1 : 2, 4 * MIB), MIB, MIB + 300_000);
    assertThat(here.bytes(MIB, 300_000)).isEqualTo(moved);
    assertThat(there.bytes(MIB, 300_000)).isEqualTo(moved);
  }

  /** No use of memory is left, nobody took it for damage, and no mistake of ours was met. */
  private static void assertNothingElse(LogCapture log, TestEngine here, TestEngine there) {
    here.assertNothingInFlight();
    there.assertNothingInFlight();
    assertThat(here.count(Counter.CHECKSUM_MISMATCHES)).isZero();
    assertThat(there.count(Counter.INBOUND_CHECKSUM_MISMATCHES)).isZero();
    assertThat(log.warnings()).noneMatch(line -> line.contains("fault of this process"));
  }
}
