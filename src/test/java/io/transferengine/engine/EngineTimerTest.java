// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.LogCapture;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class EngineTimerTest {
  @Test
  void whatATaskThrowsEndsNoTask() throws InterruptedException {
    CountDownLatch calls = new CountDownLatch(5);
    try (LogCapture log = new LogCapture();
        EngineTimer timer = new EngineTimer()) {
      timer.every(
          Duration.ofMillis(1),
          "Looking at deadlines",
          () -> {
            calls.countDown();
            if (calls.getCount() % 2 == 0) {
              throw new OutOfMemoryError("no memory for a text");
            }
            throw new IllegalStateException("a bug");
          });
      assertThat(calls.await(30, TimeUnit.SECONDS)).as("it goes on").isTrue();
      assertThat(log.warnings())
          .isNotEmpty()
          .allSatisfy(text -> assertThat(text).startsWith("Looking at deadlines failed"));
    }
  }

  @Test
  void aTaskGetsMemoryInAFullHeap() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("-Xmx24m", "-XX:+UseSerialGC"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            FullHeapTimerMain.class);
    assertThat(result.exitStatus()).as(result.output()).isZero();
  }
}
