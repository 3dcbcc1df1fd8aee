// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Ranges;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Processes that do nothing but use a processor each, beside all that is measured. */
final class BusyLoops {
  private static final int LIMIT = 1024;

  /** What a loop says first. */
  private static final String BEGUN = "busy";

  /** Of what one says that does not run. */
  private static final int LINES_MAX = 10;

  /** Looks now and then whether we are still there. */
  private static final String LOOP =
      "echo busy; while kill -0 \"$0\" 2>/dev/null; do i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; done";

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
    /**
     * Looks whether all of it still runs.
     *
     * @throws CommandException if not
     */
    void requireAll();

    @Override
    void close();
  }

  private record Loops(List<Process> processes) implements Running {
    @Override
    public void requireAll() {
      for (Process each : processes) {
        if (!each.isAlive()) {
          throw failure(each, said(each));
        }
      }
    }

    @Override
    public void close() {
      processes.forEach(Reference::end);
    }
  }

  /** Starts them. They end with this process, too, whatever ends that. */
  Running start(CommandEnvironment environment) {
    return start(environment, Processors.allowed());
  }

  /** The same on given processors. When it returns, each of them runs where it belongs. */
  Running start(CommandEnvironment environment, List<Integer> processors) {
    Loops loops = new Loops(new ArrayList<>());
    try {
      Optional<Path> taskset = Reference.find("taskset", environment.path());
      if (count > 0 && taskset.isEmpty()) {
        throw CommandException.lacks("--busy: taskset is not installed (package util-linux)");
      }
      for (int i = 0; i < count; i++) {
        List<String> command = new ArrayList<>(List.of(taskset.orElseThrow().toString(), "-c"));
        command.add(Integer.toString(processors.get(i % processors.size())));
        command.addAll(List.of("sh", "-c", LOOP, Long.toString(ProcessHandle.current().pid())));
        loops.processes.add(new ProcessBuilder(command).redirectErrorStream(true).start());
      }
      loops.processes.forEach(BusyLoops::awaitLoop);
      return loops;
    } catch (IOException e) {
      loops.close();
      throw CommandException.lacks("--busy: a loop could not be started: " + e.getMessage());
    } catch (Throwable t) {
      loops.close();
      throw t;
    }
  }

  /** Until it says that it runs, or has ended: taskset may not bind it. */
  private static void awaitLoop(Process process) {
    String said = said(process);
    if (!said.endsWith(BEGUN)) {
      throw failure(process, said);
    }
  }

  private static CommandException failure(Process ended, String said) {
    return CommandException.failed(
        "--busy: a loop has ended by itself, with status %d; it said: %s"
            .formatted(ended.onExit().join().exitValue(), said.isEmpty() ? "nothing" : said));
  }

  /** {@return the last lines of what it says until it has begun, or ended} */
  private static String said(Process process) {
    List<String> lines = new ArrayList<>();
    try {
      // Not closed: what it says later is read from there, too.
      BufferedReader output = process.inputReader();
      String line = output.readLine();
      while (line != null) {
        lines.add(line);
        if (lines.size() > LINES_MAX) {
          lines.removeFirst();
        }
        line = line.equals(BEGUN) ? null : output.readLine();
      }
    } catch (IOException e) {
      lines.add(String.valueOf(e.getMessage()));
      Reference.end(process); // Its end is awaited.
    }
    return String.join("; ", lines);
  }

  /** {@return what a table says of them} */
  Optional<String> explanation() {
    return count == 0
        ? Optional.empty()
        : Optional.of(
            "Busy loops beside all of it, each bound to a processor: %d.".formatted(count));
  }
}
