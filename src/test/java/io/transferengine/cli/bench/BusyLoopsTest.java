// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import picocli.CommandLine;

/** The loops are children of the process that starts them: here of the test's. */
@Timeout(60)
class BusyLoopsTest {
  private static BusyLoops loops(int count) {
    return CommandLine.populateCommand(new BusyLoops(), "--busy=" + count);
  }

  private static Set<ProcessHandle> children() {
    return ProcessHandle.current().children().collect(Collectors.toSet());
  }

  @Test
  void theyRunUntilTheyAreClosed() throws Exception {
    Set<ProcessHandle> others = children();
    Set<ProcessHandle> started;
    try (BusyLoops.Running _ = loops(2).start(CommandEnvironment.current())) {
      started = children();
      started.removeAll(others);
      assertThat(started).hasSize(2).allMatch(ProcessHandle::isAlive);
    }
    for (ProcessHandle each : started) {
      each.onExit().get(30, TimeUnit.SECONDS);
    }
    assertThat(children()).doesNotContainAnyElementsOf(started);
  }

  @Test
  void oneThatCannotBeBoundIsNoLoop() {
    Set<ProcessHandle> others = children();
    List<Integer> processors = List.of(Processors.allowed().getFirst(), 99_999);
    assertThatThrownBy(() -> loops(2).start(CommandEnvironment.current(), processors))
        .isInstanceOf(CommandException.class)
        .hasMessageContaining("a loop has ended by itself, with status 1; it said: taskset: ");
    await().until(() -> others.containsAll(children()));
  }

  @Test
  void oneThatHasEndedSinceIsTold() throws Exception {
    Set<ProcessHandle> others = children();
    try (BusyLoops.Running running = loops(1).start(CommandEnvironment.current())) {
      running.requireAll();
      Set<ProcessHandle> started = children();
      started.removeAll(others);
      assertThat(started).hasSize(1);
      for (ProcessHandle each : started) {
        assertThat(each.destroyForcibly()).isTrue();
        each.onExit().get(30, TimeUnit.SECONDS);
      }
      assertThatThrownBy(running::requireAll)
          .isInstanceOf(CommandException.class)
          .hasMessageContaining("with status 137; it said: nothing");
    }
  }

  @Test
  void processorsAreThoseOfTheContainer() {
    String status = "Cpus_allowed:\t2c\nCpus_allowed_list:\t2-3,5\nMems_allowed:\t1\n";
    assertThat(Processors.of(status, "")).containsExactly(2, 3, 5);
    assertThat(Processors.of(status, "0-3")).containsExactly(2, 3);
    assertThat(Processors.of(status.replace("2-3,5", "7"), "0-63")).containsExactly(7);
    assertThat(Processors.of(status.replace("2-3,5", "a-b"), "0-3")).isEmpty();
    assertThat(Processors.of("Name:\tjava\n", "0-3")).isEmpty();
    assertThat(Processors.allowed()).isNotEmpty();
  }
}
