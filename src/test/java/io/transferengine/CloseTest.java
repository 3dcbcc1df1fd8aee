// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.testkit.LogCapture;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** An engine that is closed while its memory is in use. */
@Timeout(60)
class CloseTest {
  /**
   * As {@code writeBytesToBuffer} does with many bytes: it goes on for longer than connections and
   * their event loops take to end, and then there is no loop that could be asked about the memory.
   */
  @Test
  void memoryThatTheProcessorStillUsesIsWaitedForWithoutEventLoops() throws Exception {
    try (LogCapture log = new LogCapture();
        TestEngine here = new TestEngine(4096)) {
      MemorySegment other = here.arena.allocate(4096, 4096);
      var _ = here.engine.register(other);
      CountDownLatch began = new CountDownLatch(1);
      CountDownLatch goesOn = new CountDownLatch(1);
      Thread writing =
          Thread.ofVirtual()
              .start(
                  () ->
                      here.engine
                          .core()
                          .memory()
                          .access(
                              here.address(),
                              1,
                              _ -> {
                                began.countDown();
                                await(goesOn);
                                return 0;
                              }));
      await(began);
      AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
      Thread closing =
          Thread.ofPlatform()
              .daemon()
              .uncaughtExceptionHandler((_, why) -> thrown.set(why))
              .start(here.engine::close);
      eventually(
          "it waits for the memory",
          () -> !closing.isAlive() || isWaitingForMemory() || !log.warnings().isEmpty());
      goesOn.countDown();
      writing.join();
      closing.join();
      assertThat(thrown).hasNullValue();
      assertThat(log.warnings()).isEmpty();
      RegionTable regions = here.engine.core().memory().regions();
      assertThat(regions.inOrder()).isEmpty();
    }
  }

  private static boolean isWaitingForMemory() {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(each -> each.getKey().getName().equals("te-close"))
        .anyMatch(
            each ->
                Arrays.stream(each.getValue())
                    .anyMatch(
                        frame ->
                            frame.getClassName().equals(Region.class.getName())
                                && frame.getMethodName().equals("awaitIdle")));
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
