// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.recording.EngineMetrics;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class EventLoopsTest {
  @Test
  void aCheckThatThrowsIsMadeAgainOnEveryLoop() throws Exception {
    EventLoops loops = new EventLoops(IoBackend.NIO, 2, 65_536, 1 << 20, new EngineMetrics());
    try {
      CountDownLatch calls = new CountDownLatch(6);
      loops.every(
          Duration.ofMillis(1),
          "A check of the test's",
          _ -> {
            calls.countDown();
            throw new AssertionError("meant to be thrown");
          });

      assertThat(calls.await(30, TimeUnit.SECONDS)).isTrue();
    } finally {
      loops.close(Duration.ofSeconds(5));
    }
  }
}
