// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.cli.console.Commands;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The second process of demo and bench on one machine. Requests come on standard input, replies go
 * to standard output.
 */
@Command(name = "target", description = "For demo and bench only.")
final class TargetAgentCommand implements Callable<Integer> {
  @Option(names = "--protocol", defaultValue = EngineSetup.TCP)
  private String protocol = EngineSetup.TCP;

  @Option(names = "--host", defaultValue = Configs.LOOPBACK)
  private String host = Configs.LOOPBACK;

  @Option(names = "--device", defaultValue = "")
  private String device = "";

  private TargetAgentCommand() {}

  /**
   * Runs until the standard input ends.
   *
   * @param arguments those of {@link EngineSetup#arguments}
   */
  public static void main(String[] arguments) {
    System.exit(Commands.commandLine(new TargetAgentCommand()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    EngineSetup side = new EngineSetup(protocol, host, device);
    try (TargetAgent agent = new TargetAgent(side.onThisMachine().build(), Long.MAX_VALUE)) {
      agent.serve(System.in, System.out);
    }
    return 0;
  }
}
