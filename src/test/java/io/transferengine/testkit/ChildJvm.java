// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A program in a JVM of its own that runs to its end; for what a JVM is started with. */
public final class ChildJvm {
  private static final int LIMIT_MINUTES = 2;

  /** The libraries that a project which depends on us has on its module path. */
  public static final Predicate<String> MODULES =
      Pattern.compile(
              "(slf4j-api|jackson-core-2|jspecify|netty-(buffer|codec-base|common|handler|resolver|transport)-[0-9]"
                  + "|netty-transport-(classes|native)).*\\.jar$")
          .asPredicate();

  /** What a JVM said, on both of its outputs, and how it ended. */
  public record Result(int exitStatus, String output) {}

  private ChildJvm() {}

  /** {@return the entries of our class path that are wanted, as one text} */
  public static String classPath(Predicate<String> wanted) {
    String all =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    return Stream.of(all.split(File.pathSeparator, -1))
        .filter(wanted)
        .collect(Collectors.joining(File.pathSeparator));
  }

  /**
   * Runs a program.
   *
   * @param options of the JVM, without the class path
   * @param environment variables beside ours, of which none of the engine's is passed on
   */
  public static Result run(
      List<String> options,
      String classPath,
      List<String> environment,
      Class<?> program,
      String... arguments)
      throws IOException, InterruptedException {
    return run(List.of(), options, classPath, environment, program, arguments);
  }

  /**
   * Runs a program by a command that ends in executing its arguments, and so may change what the
   * program is allowed.
   */
  public static Result run(
      List<String> launcher,
      List<String> options,
      String classPath,
      List<String> environment,
      Class<?> program,
      String... arguments)
      throws IOException, InterruptedException {
    List<String> given = new ArrayList<>(options);
    given.addAll(List.of("-cp", classPath, program.getName()));
    given.addAll(List.of(arguments));
    return java(launcher, given, environment);
  }

  /**
   * Runs whatever program the arguments name.
   *
   * @param arguments of the JVM: options, what to run, and the program's own
   */
  public static Result java(List<String> arguments) throws IOException, InterruptedException {
    return java(List.of(), arguments, List.of());
  }

  private static Result java(
      List<String> launcher, List<String> arguments, List<String> environment)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(launcher);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx256m", "-XX:TieredStopAtLevel=1"));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().keySet().removeIf(key -> key.startsWith("MC_") || key.startsWith("TE_"));
    for (String variable : environment) {
      int equals = variable.indexOf('=');
      builder.environment().put(variable.substring(0, equals), variable.substring(equals + 1));
    }
    Process process = builder.start();
    Thread killer = new Thread(process::destroyForcibly);
    Runtime.getRuntime().addShutdownHook(killer);
    try {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(LIMIT_MINUTES, TimeUnit.MINUTES)) {
        throw new AssertionError("does not end: " + command + "\n" + output);
      }
      return new Result(process.exitValue(), output);
    } finally {
      process.destroyForcibly();
      Runtime.getRuntime().removeShutdownHook(killer);
    }
  }
}
