// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Ranges;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Processes that do nothing but use a processor each, beside all that is measured. */
final class BusyLoops {
  private static final int LIMIT = 1024;

  /** Looks now and then whether we are still there. */
  private static final String LOOP =
      "while kill -0 \"$0\" 2>/dev/null; do i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; done";

  @Option(
      names = "--busy",
      paramLabel = "N",
      description =
          "Keeps N processors busy meanwhile, each with a loop that is bound to it (--loopback"
              + " only), for all that is measured: as a host is whose processors have other work.")
  private int count;

  void requireValid(boolean loopback) {
    if (count != 0) {
      Ranges.require("--busy", count, LIMIT);
      if (!loopback) {
        throw CommandException.usage("--busy needs --loopback: it keeps this machine busy");
      }
    }
  }

  /** What runs; closing it ends that. */
  interface Running extends AutoCloseable {
    @Override
    void close();
  }

  /** Starts them. They end with this process, too, whatever ends that. */
  Running start(CommandEnvironment environment) {
    List<Process> started = new ArrayList<>();
    Running running = () -> started.forEach(Reference::end);
    try {
      Optional<Path> taskset = Reference.find("taskset", environment.path());
      if (count > 0 && taskset.isEmpty()) {
        throw CommandException.lacks("--busy: taskset is not installed (package util-linux)");
      }
      for (int i = 0; i < count; i++) {
        List<String> command = new ArrayList<>(List.of(taskset.orElseThrow().toString(), "-c"));
        command.add(Integer.toString(i % Circumstances.processors()));
        command.addAll(List.of("sh", "-c", LOOP, Long.toString(ProcessHandle.current().pid())));
        started.add(
            new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start());
      }
      return running;
    } catch (IOException e) {
      running.close();
      throw CommandException.lacks("--busy: a loop could not be started: " + e.getMessage());
    } catch (Throwable t) {
      running.close();
      throw t;
    }
  }

  /** {@return what a table says of them} */
  Optional<String> explanation() {
    return count == 0
        ? Optional.empty()
        : Optional.of(
            "Busy loops beside all of it, each bound to a processor: %d.".formatted(count));
  }
}
