// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The second process of demo and bench on one machine: standard input asks, output answers. */
@Command(name = TargetAgentCommand.NAME, hidden = true, description = "For demo and bench only.")
final class TargetAgentCommand implements Callable<Integer> {
  static final String NAME = "target-agent";

  @Option(names = "--protocol", defaultValue = Side.TCP)
  private String protocol = Side.TCP;

  @Option(names = "--host", defaultValue = Configs.LOOPBACK)
  private String host = Configs.LOOPBACK;

  @Option(names = "--device", defaultValue = "")
  private String device = "";

  @Override
  public Integer call() throws IOException {
    Side side = new Side(protocol, host, device);
    try (TargetAgent agent = new TargetAgent(side.onThisMachine().build(), Long.MAX_VALUE)) {
      agent.serve(System.in, System.out);
    }
    return 0;
  }
}
