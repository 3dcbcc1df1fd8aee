// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class LinuxProcessesTest {
  private final LinuxProcesses processes = new LinuxProcesses();

  @Test
  void thisProcessIsOfOurUser() {
    assertThat(processes.isOfOurUser(processes.own())).isTrue();
  }

  /** The kernel reads the memory of a process by the numbers of its threads, too. */
  @Test
  void aThreadIsNoProcess() throws IOException {
    List<Integer> threads;
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      threads =
          tasks
              .map(task -> Integer.parseInt(task.getFileName().toString()))
              .filter(number -> number != processes.own())
              .toList();
    }
    assertThat(threads).isNotEmpty().noneMatch(processes::isOfOurUser);
    assertThat(threads).as("which is why it is looked at").anyMatch(n -> processes.startOf(n) >= 0);
  }

  @Test
  void nobodyIsNotOurs() {
    assertThat(processes.isOfOurUser(Integer.MAX_VALUE)).isFalse();
  }
}
