// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.LogCapture;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Everything is closed, whatever closing a part of it throws. */
@Timeout(60)
class TeardownTest {
  private final Queue<String> done = new ConcurrentLinkedQueue<>();

  private Runnable failing(String what, Throwable thrown) {
    return () -> {
      done.add(what);
      if (thrown instanceof Error error) {
        throw error;
      }
      throw (RuntimeException) thrown;
    };
  }

  @Test
  void aStepThatThrowsKeepsNoOtherFromBeingDone() {
    List<String> lines = new ArrayList<>();
    try (LogCapture log = new LogCapture()) {
      Teardown all = new Teardown(Duration.ofSeconds(30));
      all.beside("one", failing("one", new OutOfMemoryError("beside")));
      Teardown.step("two", failing("two", new RejectedExecutionException("loop ended")));
      Teardown.step("three", failing("three", new InternalError("lost memory")));
      Teardown.step("four", () -> done.add("four"));
      all.join();
      lines.addAll(log.warnings());
    }
    assertThat(done).containsExactlyInAnyOrder("one", "two", "three", "four");
    assertThat(lines)
        .hasSize(3)
        .allSatisfy(
            line -> assertThat(line).matches("Closing (one|two|three) failed; the rest .*"));
  }
}
