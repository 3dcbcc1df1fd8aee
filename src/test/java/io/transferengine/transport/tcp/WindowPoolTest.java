// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.LogCapture;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who waits for a block, and who gives it back, do not hear of one another. */
@Timeout(60)
class WindowPoolTest {
  private static final int BLOCK_BYTES = 4096;

  private final Arena arena = Arena.ofShared();
  private final WindowPool pool =
      new WindowPool(
          arena.allocate((long) BLOCK_BYTES * WindowPool.BLOCKS_MIN, 64),
          BLOCK_BYTES,
          ReadReserve.none(),
          () -> {},
          new TlsBudget(0, () -> {}));

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void oneThatThrowsKeepsNobodyBehindItWaiting() {
    List<String> ran = new ArrayList<>();
    StagingBlock block = Objects.requireNonNull(pool.block(WindowPool.Share.LANES));
    pool.whenFree(() -> ran.add("before"));
    pool.whenFree(
        () -> {
          throw new InternalError("meant to be thrown");
        });
    pool.whenFree(() -> ran.add("behind"));
    try (LogCapture log = new LogCapture()) {
      block.release();
      assertThat(ran).containsExactly("before", "behind");
      assertThat(log.warningsWithStacks())
          .singleElement()
          .asString()
          .contains("waited for staging", "meant to be thrown");
    }
  }
}
