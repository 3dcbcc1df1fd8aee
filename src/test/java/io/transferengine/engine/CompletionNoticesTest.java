// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.LogCapture;
import io.transferengine.wire.NotifyMessage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CompletionNoticesTest {
  private static final NotifyMessage TEXT = new NotifyMessage("done", "text");

  private final EngineMetrics metrics = new EngineMetrics();
  private final ArrayDeque<Runnable> threads = new ArrayDeque<>();
  private final List<String> sent = new ArrayList<>();
  private boolean full;
  private final CompletionNotices notices =
      new CompletionNotices(
          metrics,
          (segment, _) -> {
            if (segment.equals("gone")) {
              throw new IllegalStateException("a test's");
            }
            sent.add(segment);
          },
          task -> {
            if (full) {
              throw new OutOfMemoryError("unable to create native thread");
            }
            threads.add(task);
          });

  @Test
  void beyondTheLimitOneIsNotSentAndCounted() {
    for (int i = 0; i < CompletionNotices.LIMIT; i++) {
      notices.send("peer", TEXT);
    }
    assertThat(failed()).isZero();
    try (LogCapture log = new LogCapture()) {
      notices.send("peer", TEXT);
      assertThat(log.warnings()).hasSize(1).first().asString().contains("65536 others");
    }
    assertThat(failed()).isEqualTo(1);
    threads.remove().run();
    notices.send("peer", TEXT);
    assertThat(failed()).as("there is room again").isEqualTo(1);
    threads.forEach(Runnable::run);
    assertThat(sent).hasSize(CompletionNotices.LIMIT + 1);
  }

  @Test
  void oneThatFailsIsCounted() {
    notices.send("gone", TEXT);
    threads.remove().run();
    assertThat(failed()).isEqualTo(1);
  }

  @Test
  void withoutAThreadTheRoomIsGivenBack() {
    full = true;
    for (int i = 0; i < CompletionNotices.LIMIT; i++) {
      assertThatThrownBy(() -> notices.send("peer", TEXT)).isInstanceOf(OutOfMemoryError.class);
    }
    full = false;
    notices.send("peer", TEXT);
    assertThat(threads).hasSize(1);
  }

  private long failed() {
    return metrics.snapshot().get(Counter.NOTIFICATIONS_FAILED);
  }
}
