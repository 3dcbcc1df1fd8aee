// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import io.transferengine.config.CommandEnvironment;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Says what this machine can do, and why not. */
@Command(
    name = "doctor",
    description = "Says what this machine can do for the engine, and why not.",
    footer = {
      "",
      "\"no\" is something that the engine does without; \"missing\" is something that it needs.",
      "Exit status: 0 nothing is missing, 1 something is."
    })
final class DoctorCommand implements Callable<Integer> {
  @Mixin final HelpOption help = new HelpOption();

  @Override
  public Integer call() {
    CommandEnvironment environment = CommandEnvironment.current();
    Screen screen = new Screen(environment);
    List<Finding> findings = DoctorChecks.all(environment);
    Table table = new Table().left("what").left("finding").left("verdict");
    findings.forEach(
        finding -> table.row(List.of(finding.what(), finding.text(), finding.verdict().text())));
    table.print(screen);
    boolean sound =
        findings.stream().noneMatch(finding -> finding.verdict() == Finding.Verdict.MISSING);
    return sound ? 0 : CommandException.FAILED;
  }
}
