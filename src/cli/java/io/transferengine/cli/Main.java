// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import io.transferengine.cli.bench.BenchCommand;
import io.transferengine.cli.certs.CertsCommand;
import io.transferengine.cli.console.Commands;
import io.transferengine.cli.console.HelpOption;
import io.transferengine.cli.console.Version;
import io.transferengine.cli.demo.DemoCommand;
import io.transferengine.cli.doctor.DoctorCommand;
import io.transferengine.cli.doctor.TopologyCommand;
import io.transferengine.cli.metadata.MetadataServerCommand;
import io.transferengine.cli.metadata.SegmentsCommand;
import io.transferengine.cli.soak.SoakCommand;
import io.transferengine.cli.top.TopCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The entry point of {@code ./te} and of the command's jar. */
@Command(
    name = "te",
    description = "Moves bytes between registered memory of processes.",
    synopsisSubcommandLabel = "COMMAND",
    versionProvider = Version.class,
    subcommands = {
      DemoCommand.class,
      BenchCommand.class,
      CertsCommand.class,
      DoctorCommand.class,
      TopologyCommand.class,
      MetadataServerCommand.class,
      SegmentsCommand.class,
      SoakCommand.class,
      TopCommand.class
    })
public final class Main implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin final HelpOption help = new HelpOption();

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Prints the version of the command, and of the JDK that runs it.")
  boolean version;

  private Main() {}

  /**
   * Runs a command, then ends the JVM with its exit status.
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
    CommandLine commandLine = Commands.commandLine(new Main());
    commandLine.addSubcommand("help", new CommandLine.HelpCommand());
    return commandLine.execute(arguments);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "A command is missing");
  }
}
