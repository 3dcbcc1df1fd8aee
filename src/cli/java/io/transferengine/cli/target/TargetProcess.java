// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A second JVM on this machine that runs a {@link TargetAgent}. It ends when its standard input
 * ends, so it cannot outlive this process. In an orderly end we stop it ourselves.
 */
public final class TargetProcess {
  /** Enough to close its engine, which takes 5 s at most. */
  private static final Duration END_LIMIT = Duration.ofSeconds(8);

  private TargetProcess() {}

  /** {@return a link to a new process on the loopback interface; closing it ends the process} */
  public static TargetLink start(CommandEnvironment environment) {
    return start(environment, new EngineSetup(EngineSetup.TCP, Configs.LOOPBACK, ""));
  }

  /** {@return a link to a new process on this machine; closing it ends the process} */
  public static TargetLink start(CommandEnvironment environment, EngineSetup side) {
    Process process;
    try {
      process = java(environment, TargetAgentCommand.class, side.arguments()).start();
    } catch (IOException e) {
      throw CommandException.lacks("The target process could not be started: " + e.getMessage());
    }
    Thread killer = new Thread(process::destroyForcibly, "te-target-killer");
    Runtime.getRuntime().addShutdownHook(killer);
    return new TargetLink(
        process.getInputStream(), process.getOutputStream(), () -> end(process, killer));
  }

  /**
   * {@return a second JVM with our class path, which shares our standard error}
   *
   * @throws CommandException if there is no class path to pass on
   */
  public static ProcessBuilder java(
      CommandEnvironment environment, Class<?> main, List<String> arguments) {
    return java(environment, List.of(), main, arguments);
  }

  /** As above, with options of the JVM. */
  public static ProcessBuilder java(
      CommandEnvironment environment, List<String> options, Class<?> main, List<String> arguments) {
    if (environment.classPath().isEmpty()) {
      throw CommandException.lacks(
          "The class path is empty, so no second process can be started: use ./te, or java -cp");
    }
    List<String> command =
        new ArrayList<>(
            List.of(
                environment.javaHome().resolve("bin").resolve("java").toString(),
                "--enable-native-access=ALL-UNNAMED"));
    command.addAll(options);
    command.addAll(List.of("-cp", environment.classPath(), main.getName()));
    command.addAll(arguments);
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
  }

  private static void end(Process process, Thread killer) throws InterruptedException {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      // It has ended already.
    }
    if (!process.waitFor(END_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
      process.destroyForcibly();
    }
    try {
      Runtime.getRuntime().removeShutdownHook(killer);
    } catch (IllegalStateException e) {
      // We are ending: the hook runs.
    }
  }
}
