// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.util.Arrays;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What both ends of a transfer leave to the garbage collector for a block: nothing. */
@Timeout(120)
class AllocationTest {
  private static final int BLOCKS = 20_000;
  private static final int WARM_UPS = 15;
  private static final int ROUNDS = 15;

  private static final ThreadMXBean THREADS =
      (ThreadMXBean) ManagementFactory.getPlatformMXBean(java.lang.management.ThreadMXBean.class);

  private static long allocatedByEventLoops() {
    long[] ids =
        Arrays.stream(THREADS.getThreadInfo(THREADS.getAllThreadIds()))
            .filter(info -> info != null && info.getThreadName().startsWith("te-tcp"))
            .mapToLong(ThreadInfo::getThreadId)
            .toArray();
    return Arrays.stream(THREADS.getThreadAllocatedBytes(ids)).sum();
  }

  @ParameterizedTest
  @CsvSource({"WRITE,64", "READ,64", "WRITE,4096", "READ,4096", "WRITE,20000", "READ,20000"})
  void nothingIsAllocatedForABlock(Operation operation, int length) throws Exception {
    int blocks = BLOCKS / (length > 10_000 ? 20 : 1);
    int stride = length + 64;
    try (TestEngine target = new TestEngine((long) blocks * stride);
        TestEngine here = new TestEngine((long) blocks * stride)) {
      long[] local = new long[blocks];
      long[] remote = new long[blocks];
      long[] lengths = new long[blocks];
      for (int i = 0; i < blocks; i++) {
        local[i] = here.address() + (long) i * stride;
        remote[i] = target.address() + (long) i * stride;
        lengths[i] = length;
      }
      TransferRequest request =
          TransferRequest.of(
              operation, target.engine.segmentName(), BlockColumns.of(local, remote, lengths));
      for (int i = 0; i < WARM_UPS; i++) {
        assertCompleted(here.engine.submit(request));
      }
      long loops = allocatedByEventLoops();
      long caller = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < ROUNDS; i++) {
        here.engine.submit(request).await(java.time.Duration.ofSeconds(30));
      }
      caller = THREADS.getCurrentThreadAllocatedBytes() - caller;
      loops = allocatedByEventLoops() - loops;
      double perBlock = (double) loops / ROUNDS / blocks;
      System.out.printf(
          "%s of %d blocks of %d bytes: the event loops of both sides allocated %.2f bytes for a"
              + " block, the caller %.2f%n",
          operation, blocks, length, perBlock, (double) caller / ROUNDS / blocks);
      // An object has 16 bytes at the least.
      assertThat(perBlock).isLessThan(length > 10_000 ? 16 : 4);
      assertThat((double) caller / ROUNDS / blocks).isLessThan(4);
    }
  }

  /** The handle and the task; nothing that finds them, or that is found out anew for each. */
  @ParameterizedTest
  @EnumSource
  void aSingleBlockThatItsSubmitterMovesLeavesLittle(Operation operation) throws Exception {
    int perRound = 2000;
    try (TestEngine target = new TestEngine(4096);
        TestEngine here = new TestEngine(4096)) {
      TransferRequest request =
          TransferRequest.of(
              operation,
              target.engine.segmentName(),
              BlockColumns.of(here.address(), target.address(), 4096));
      double least = Double.MAX_VALUE;
      for (int round = 0; round < WARM_UPS + ROUNDS; round++) {
        long caller = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < perRound; i++) {
          here.engine.submitAndAwait(request);
        }
        caller = THREADS.getCurrentThreadAllocatedBytes() - caller;
        least = Math.min(least, (double) caller / perRound);
      }
      System.out.printf("%s of one block: its submitter allocated %.0f bytes%n", operation, least);
      // 384 where the JIT compiler does what it can, else up to 560; it was 920 when it was found
      // out anew.
      assertThat(least).isLessThan(620);
    }
  }
}
