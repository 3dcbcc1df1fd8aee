// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import io.transferengine.transfer.TransferException;
import picocli.CommandLine;
import picocli.CommandLine.Help;

/**
 * Runs a command. Exit status: 0 done, 1 failed, 2 wrong usage, 3 the machine lacks something. An
 * error is one line on standard error, which names the value at fault.
 */
public final class Commands {
  /** Of help: as wide as the terminal, between these. */
  private static final int HELP_WIDTH_MIN = 60;

  private static final int HELP_WIDTH_MAX = 100;

  private Commands() {}

  /** {@return a parser of the command line, which runs {@code command} and reports its errors} */
  public static CommandLine commandLine(Object command) {
    CommandEnvironment environment = CommandEnvironment.current();
    Terminal terminal = new Terminal(environment);
    CommandLine commandLine = new CommandLine(command);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setUsageHelpAutoWidth(false);
    commandLine.setUsageHelpWidth(Math.clamp(terminal.width(), HELP_WIDTH_MIN, HELP_WIDTH_MAX));
    commandLine.setColorScheme(
        Help.defaultColorScheme(terminal.colour() ? Help.Ansi.ON : Help.Ansi.OFF));
    commandLine.setParameterExceptionHandler(
        (e, arguments) -> {
          String name = e.getCommandLine().getCommandName();
          String help = environment.toType(name.equals("te") ? "--help" : name + " --help");
          return complain(e.getMessage() + " (" + help + ")", CommandException.USAGE);
        });
    commandLine.setExecutionExceptionHandler((e, line, result) -> report(e));
    return commandLine;
  }

  private static int report(Exception e) {
    return switch (e) {
      case CommandException own -> complain(text(own), own.exitStatus());
      case TransferException own -> complain(text(own), CommandException.FAILED);
      default -> complain(e.getClass().getSimpleName() + ": " + text(e), CommandException.FAILED);
    };
  }

  private static String text(Exception e) {
    return String.valueOf(e.getMessage());
  }

  private static int complain(String message, int status) {
    if (Interruption.begun()) {
      return status;
    }
    System.err.println("te: " + message.strip().replaceAll("\\s*\\R\\s*", "; "));
    return status;
  }
}
