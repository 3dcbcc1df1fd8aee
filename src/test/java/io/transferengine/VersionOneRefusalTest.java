// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Writes that a version 1 peer refuses: it closes behind the header, which looks like an orderly
 * end to whoever has sent all of the body by then.
 */
@Timeout(120)
class VersionOneRefusalTest {
  private static final int MIB = 1 << 20;

  /** From here on the target takes nothing, though it has published it. */
  private static final long REFUSED = RawTarget.BASE + 2L * MIB;

  private static final int[] SIZES = {
    1, 8, 24, 1000, 16_383, 16_384, 65_535, 65_536, 131_072, 262_144, 524_288, MIB
  };

  private static RawTarget target(boolean persistent) throws IOException {
    return new RawTarget(1, 4 * MIB)
        .behaving(
            c -> {
              RawTarget.@Nullable Request request;
              while ((request = c.next()) != null) {
                if (request.address() + request.size() > REFUSED) {
                  return;
                }
                c.serve(request);
                if (!persistent) {
                  return;
                }
              }
            });
  }

  private static BlockColumns at(TestEngine here, long remote, int size) {
    return BlockColumns.of(here.address(), remote, size);
  }

  @ParameterizedTest
  @CsvSource({"true,true", "true,false", "false,true", "false,false"})
  void aRefusedWriteIsNeverDone(boolean persistent, boolean pool) throws Exception {
    try (RawTarget target = target(persistent);
        TestEngine here = new TestEngine(4 * MIB, b -> b.tcpEnableConnectionPool(pool))) {
      List<String> wronglyDone = new ArrayList<>();
      for (int round = 0; round < 10; round++) {
        for (int size : SIZES) {
          var transfer = here.submit(Operation.WRITE, target.name(), at(here, REFUSED, size));
          if (TestEngine.end(transfer) != TransferState.FAILED) {
            wronglyDone.add(size + ": " + transfer.state());
          }
        }
        byte[] content = random(round, MIB);
        here.put(0, content);
        int size = SIZES[round];
        assertCompleted(
            here.submit(Operation.WRITE, target.name(), at(here, RawTarget.BASE, size)));
        assertThat(Arrays.copyOf(target.memory(), size)).isEqualTo(Arrays.copyOf(content, size));
      }
      assertThat(wronglyDone).isEmpty();
    }
  }

  /** What is confirmed is carried from one connection to the next; its end finds it there, too. */
  @Test
  void aWriteThatNobodyConfirmsEndsAtItsDeadline() throws Exception {
    try (RawTarget target = new RawTarget(1, MIB);
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1))) {
      target.behaving(
          c -> {
            RawTarget.Request request = c.required();
            if (request.isWrite()) {
              c.serve(request);
            } else {
              c.drain();
            }
          });
      var transfer =
          here.submit(
              Operation.WRITE,
              target.name(),
              at(here, RawTarget.BASE, 1000),
              Duration.ofSeconds(1));
      assertThat(TestEngine.end(transfer)).isEqualTo(TransferState.TIMEOUT);
      assertThat(here.count(Counter.LAST_RESORTS)).isZero();
    }
  }

  /** Refusals in a row say nothing of the peer: what is well goes through between them. */
  @Test
  void refusedWritesFailNoOthers() throws Exception {
    try (RawTarget target = target(false);
        TestEngine here = new TestEngine(4 * MIB, b -> b.tcpLanesPerPeer(1))) {
      List<Transfer> refused = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        refused.add(here.submit(Operation.WRITE, target.name(), at(here, REFUSED, 1000)));
      }
      Transfer good = here.submit(Operation.WRITE, target.name(), at(here, RawTarget.BASE, 1000));
      assertCompleted(good);
      refused.forEach(TestEngine::assertFailed);
    }
  }

  @ParameterizedTest
  @CsvSource({"true,true", "true,false", "false,true", "false,false"})
  void aBatchWithOneRefusedBlockFails(boolean persistent, boolean pool) throws Exception {
    try (RawTarget target = target(persistent);
        TestEngine here = new TestEngine(4 * MIB, b -> b.tcpEnableConnectionPool(pool))) {
      for (int bad = 0; bad < 20; bad++) {
        long[] local = new long[20];
        long[] remote = new long[20];
        long[] length = new long[20];
        for (int i = 0; i < 20; i++) {
          local[i] = here.address() + i * 2048L;
          remote[i] = (i == bad ? REFUSED : RawTarget.BASE) + i * 2048L;
          length[i] = 1024;
        }
        BlockColumns blocks = BlockColumns.of(local, remote, length);
        assertThat(TestEngine.end(here.submit(Operation.WRITE, target.name(), blocks)))
            .as("block %d is refused", bad)
            .isEqualTo(TransferState.FAILED);
      }
    }
  }
}
