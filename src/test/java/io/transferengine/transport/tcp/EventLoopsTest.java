// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class EventLoopsTest {
  /** Of whole pages, and not so much as anything else has. */
  private static final long STAGING_BYTES = (3L << 20) + 7 * 65_536;

  private static final int CLOSES = 200;

  private static List<String> mappings() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/maps")).stream()
        .map(line -> line.substring(0, line.indexOf(' ')))
        .filter(range -> bytes(range) == STAGING_BYTES)
        .collect(Collectors.toCollection(ArrayList::new));
  }

  private static long bytes(String range) {
    int dash = range.indexOf('-');
    return Long.parseUnsignedLong(range, dash + 1, range.length(), 16)
        - Long.parseUnsignedLong(range, 0, dash, 16);
  }

  /** Else the C library keeps it, once for each of its arenas. */
  @Test
  void theStagingMemoryIsAMappingOfItsOwnAndGoesBack() throws Exception {
    // Often: the thread that closes and the one that tells of the end race to give it back.
    for (int i = 0; i < CLOSES; i++) {
      // The JVM may have one of this size by chance.
      List<String> before = mappings();
      List<String> staging;
      EventLoops loops =
          new EventLoops(IoBackend.NIO, 2, 65_536, STAGING_BYTES, new EngineMetrics());
      try {
        staging = mappings();
        staging.removeAll(before);
        assertThat(staging).hasSize(1);
        // A loop without a thread ends at once, and then nobody else gives it back.
        loops.all().forEach(loop -> loop.execute(() -> {}));
      } finally {
        loops.close(Duration.ofSeconds(30));
      }
      assertThat(mappings()).doesNotContainAnyElementsOf(staging);
    }
  }

  @Test
  void aTlsConnectionThatFindsNothingLeftIsCounted() throws Exception {
    EngineMetrics metrics = new EngineMetrics();
    EventLoops loops = new EventLoops(IoBackend.NIO, 1, 65_536, 1 << 20, metrics);
    try {
      loops
          .all()
          .forEach(
              loop -> loop.execute(() -> loops.pool(loop).encrypted().take(Integer.MAX_VALUE)));
      await()
          .untilAsserted(() -> assertThat(metrics.snapshot().get(Counter.TLS_BUDGET_DRY)).isOne());
    } finally {
      loops.close(Duration.ofSeconds(5));
    }
  }

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
