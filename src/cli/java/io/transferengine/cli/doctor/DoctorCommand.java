// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.HelpOption;
import io.transferengine.cli.console.Table;
import io.transferengine.cli.console.Terminal;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Says what this machine can do; and if not, why. */
@Command(
    name = "doctor",
    description = "Says what this machine can do for the engine; and if not, why.",
    footer = {
      "",
      "\"no\": the engine works without it. \"missing\": the engine needs it.",
      "Exit status: 0 nothing is missing, 1 something is missing."
    })
public final class DoctorCommand implements Callable<Integer> {
  @Mixin final HelpOption help = new HelpOption();

  @Override
  public Integer call() {
    CommandEnvironment environment = CommandEnvironment.current();
    Terminal terminal = new Terminal(environment);
    List<CheckResult> findings = DoctorChecks.all(environment);
    Table table = new Table().left("what").left("verdict").left("finding");
    findings.forEach(
        finding -> table.row(List.of(finding.what(), finding.verdict().text(), finding.text())));
    table.print(terminal);
    boolean sound =
        findings.stream().noneMatch(finding -> finding.verdict() == CheckResult.Verdict.MISSING);
    return sound ? 0 : CommandException.FAILED;
  }
}
