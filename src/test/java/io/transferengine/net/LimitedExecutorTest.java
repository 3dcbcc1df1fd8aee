// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LimitedExecutorTest {
  private final ArrayDeque<Runnable> threads = new ArrayDeque<>();
  private final List<String> done = new ArrayList<>();
  private boolean full;

  private final LimitedExecutor executor =
      new LimitedExecutor(
          command -> {
            if (full) {
              throw new OutOfMemoryError("unable to create native thread");
            }
            threads.add(command);
          },
          2);

  @Test
  void beyondItsLimitTasksWaitInTheirOrder() {
    for (String name : List.of("a", "b", "c", "d")) {
      executor.execute(() -> done.add(name));
    }
    assertThat(threads).hasSize(2);
    threads.remove().run();
    assertThat(done).containsExactly("a", "c", "d");
    threads.remove().run();
    assertThat(done).containsExactly("a", "c", "d", "b");
  }

  @Test
  void aPlaceIsFreeAgainAfterTheLastTask() {
    executor.execute(() -> done.add("a"));
    threads.remove().run();
    executor.execute(() -> done.add("b"));
    executor.execute(() -> done.add("c"));
    assertThat(threads).hasSize(2);
  }

  @Test
  void whatATaskThrowsEndsNoOther() {
    executor.execute(
        () -> {
          throw new OutOfMemoryError("meant to be thrown");
        });
    executor.execute(() -> done.add("b"));
    executor.execute(() -> done.add("c"));
    threads.remove().run();
    assertThat(done).containsExactly("c");
  }

  @Test
  void whoGetsNoThreadIsToldAndTakesNoPlace() {
    executor.execute(() -> done.add("a"));
    full = true;
    assertThatThrownBy(() -> executor.execute(() -> done.add("b")))
        .isInstanceOf(OutOfMemoryError.class);
    full = false;
    executor.execute(() -> done.add("c"));
    executor.execute(() -> done.add("d"));
    assertThat(threads).as("two places, one of them taken").hasSize(2);
    threads.remove().run();
    assertThat(done).containsExactly("a", "d");
  }

  @Test
  void aLimitOfOneIsRefused() {
    assertThatThrownBy(() -> new LimitedExecutor(Runnable::run, 1))
        .hasMessageContaining("a limit of 1");
  }
}
