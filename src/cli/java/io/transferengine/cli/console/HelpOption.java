// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import picocli.CommandLine.Option;

/** The option that every command has. */
public final class HelpOption {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Prints this.")
  boolean requested;
}
