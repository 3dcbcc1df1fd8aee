// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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

  /** At once, for several threads: who copies says next that the copy is done. */
  @Test
  void aWatchKnowsOfAnEndThatOthersHaveSeen() throws Exception {
    for (int i = 0; i < 50; i++) {
      Process process = new ProcessBuilder("sleep", "1000").start();
      int pid = (int) process.pid();
      try (Processes.Watch watch = processes.watch(pid, processes.startOf(pid)).orElseThrow();
          ExecutorService threads = Executors.newFixedThreadPool(2)) {
        assertThat(watch.hasEnded()).isFalse();
        int _ = process.destroyForcibly().waitFor();
        Callable<Boolean> look = watch::hasEnded;
        for (Future<Boolean> each : threads.invokeAll(List.of(look, look, look))) {
          assertThat(each.get()).isTrue();
        }
        assertThat(processes.watch(pid, 1)).isEmpty();
      } finally {
        process.destroyForcibly();
      }
    }
  }

  @Test
  void aWatchLeavesNoDescriptor() throws Exception {
    int pid = processes.own();
    int before = descriptors();
    for (int i = 0; i < 100; i++) {
      Processes.Watch watch = processes.watch(pid, processes.startOf(pid)).orElseThrow();
      assertThat(watch.hasEnded()).isFalse();
      watch.close();
      assertThat(watch.hasEnded()).as("closed").isTrue();
    }
    assertThat(descriptors()).isLessThan(before + 50);
  }

  private static int descriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return (int) open.count();
    }
  }
}
