// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import io.transferengine.config.CommandEnvironment;
import io.transferengine.transfer.TransferException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The entry point of {@code ./te}. Exit status: 0 done, 1 ran and failed, 2 usage, 3 the machine
 * lacks something. An error is one line on standard error that names the value at fault.
 */
@Command(
    name = "te",
    description = "Moves bytes between registered memory of processes.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DemoCommand.class,
      BenchCommand.class,
      DoctorCommand.class,
      TopologyCommand.class,
      MetadataServerCommand.class,
      SegmentsCommand.class,
      TargetAgentCommand.class
    })
public final class Main implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin final HelpOption help = new HelpOption();

  private Main() {}

  /**
   * Runs a command and ends the JVM with its exit status.
   *
   * @param arguments the name of the command, then its arguments
   */
  public static void main(String[] arguments) {
    int status = run(arguments);
    System.out.flush();
    System.exit(status);
  }

  /** {@return the exit status} */
  static int run(String... arguments) {
    return commandLine(new Screen(CommandEnvironment.current())).execute(arguments);
  }

  private static CommandLine commandLine(Screen screen) {
    CommandLine commandLine = new CommandLine(new Main());
    commandLine.addSubcommand("help", new CommandLine.HelpCommand());
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setUsageHelpAutoWidth(false);
    commandLine.setUsageHelpWidth(100);
    commandLine.setColorScheme(
        Help.defaultColorScheme(screen.colour() ? Help.Ansi.ON : Help.Ansi.OFF));
    commandLine.setParameterExceptionHandler(
        (e, arguments) -> {
          String name = e.getCommandLine().getCommandName();
          String command = name.equals("te") ? "./te" : "./te " + name;
          return complain(e.getMessage() + " (" + command + " --help)", CommandException.USAGE);
        });
    commandLine.setExecutionExceptionHandler((e, command, result) -> report(e));
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
    System.err.println("te: " + message.strip().replaceAll("\\s*\\R\\s*", "; "));
    return status;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "A command is missing");
  }
}
