// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.console.CommandEnvironment;
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
}
