// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** The second process of demo and bench on one machine: standard input asks, output answers. */
@Command(name = TargetAgentCommand.NAME, hidden = true, description = "For demo and bench only.")
final class TargetAgentCommand implements Callable<Integer> {
  static final String NAME = "target-agent";

  @Override
  public Integer call() throws IOException {
    try (TargetAgent agent = new TargetAgent(Configs.loopback().build(), Long.MAX_VALUE)) {
      agent.serve(System.in, System.out);
    }
    return 0;
  }
}
