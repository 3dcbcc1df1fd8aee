// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandException;
import java.time.Duration;
import java.util.List;

/** A program of perftest, which often needs several runs for a figure. */
interface PerftestProgram {
  /** What is said of a run that was still under way when its time was over. */
  String NO_END = "no end within ";

  /** {@return its name} */
  String name();

  /**
   * {@return the output of its initiator, or why there is none}
   *
   * @param limit of the time for it
   * @param attempt 1 for the first
   */
  String run(long sizeBytes, List<String> options, Duration limit, int attempt);

  /**
   * {@return why there is no figure}
   *
   * @param reference its name
   * @param said by the last run
   */
  static CommandException noFigure(String reference, int runs, String said) {
    // Its figures or its error; the lines before are about queue pairs.
    List<String> lines = said.lines().filter(line -> !line.startsWith("---")).toList();
    String last =
        lines.isEmpty()
            ? "nothing"
            : String.join("; ", lines.subList(Math.max(0, lines.size() - 2), lines.size()));
    return CommandException.failed(
        "--against %s: %d runs gave no figure; the last said: %s".formatted(reference, runs, last));
  }
}
