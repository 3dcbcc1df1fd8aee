// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.MetricsSnapshot;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How often an engine is asked for its figures. */
@Timeout(60)
class FiguresTest {
  /** A scrape asks for each meter by itself. */
  @Test
  void aScrapeTakesTheFiguresOnce() {
    AtomicInteger taken = new AtomicInteger();
    Figures figures =
        new Figures(
            () -> {
              taken.incrementAndGet();
              return MetricsSnapshot.builder().build();
            });
    long asked =
        Arrays.stream(io.transferengine.metrics.Counter.values())
            .mapToLong(each -> figures.now().get(each))
            .count();
    // Twice if the machine stood still for half a second meanwhile; never once for each.
    assertThat(taken.get()).isLessThan(Math.toIntExact(asked));
  }
}
