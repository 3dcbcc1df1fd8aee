// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import io.transferengine.testkit.ChildJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * One run of a target under Jazzer, in a JVM of its own: Jazzer instruments classes and ends the
 * process. What it finds is a file in the run's folder.
 */
final class FuzzRun {
  /** So long a run that its start is nothing beside it. */
  private static final int LONG_SECONDS = 60;

  /** Longer inputs find little that shorter ones do not, and take longer. */
  private static final int INPUT_BYTES_MAX = 4096;

  /** An input that takes so long hangs, on a machine that is busy, too. */
  private static final int HANG_SECONDS = 25;

  /** What is instrumented: our code, and the parser of JSON, since its branches are ours too. */
  private static final String INSTRUMENTED =
      "io.transferengine.**" + ":" + "com.fasterxml.jackson.core.**";

  private static final String NOT_INSTRUMENTED = "io.transferengine.fuzz.**";

  /** A target that needs a socket connects to the loopback, which Jazzer would report. */
  private static final String NOT_LOOKED_FOR =
      "com.code_intelligence.jazzer.sanitizers.ServerSideRequestForgery";

  private static final Pattern EXECUTIONS =
      Pattern.compile("stat::number_of_executed_units: +([0-9]+)");

  /** Jazzer picks one. */
  static final int ANY_SEED = 0;

  private final String name;
  private final Path folder;

  /**
   * How a run ended.
   *
   * @param findings files with inputs that found something
   * @param output all that it said
   */
  record Result(String name, int exitStatus, long executions, List<Path> findings, String output) {
    boolean isClean() {
      return exitStatus == 0 && executions > 0 && findings.isEmpty();
    }

    /** {@return one line, with the way to repeat what was found} */
    String line() {
      StringBuilder text =
          new StringBuilder("fuzz %-14s %,11d executions".formatted(name, executions));
      text.append(isClean() ? ", no finding" : ", exit status " + exitStatus);
      for (Path finding : findings) {
        text.append("%n  ./te fuzz %s --input %s".formatted(name, finding));
      }
      return text.toString();
    }
  }

  /**
   * Prepares a run.
   *
   * @param folder for the corpus as it grows and for findings; what is in there is used again
   */
  FuzzRun(String name, Path folder) {
    this.name = name;
    this.folder = folder.toAbsolutePath();
  }

  /**
   * Runs for so long; hands on each line that is said.
   *
   * @param seed of what is tried; {@link #ANY_SEED} for another one each time
   */
  Result run(long seconds, int seed, Consumer<String> lines)
      throws IOException, InterruptedException {
    Path grown = Files.createDirectories(folder.resolve("corpus"));
    List<Path> before = findings();
    List<String> command = jvm();
    if (seconds < LONG_SECONDS) {
      // To instrument everything takes two thirds of the time without better code.
      command.add(1, "-XX:TieredStopAtLevel=1");
    }
    command.addAll(
        List.of(
            "--target_class=" + FuzzDriver.class.getName(),
            "--target_args=" + name,
            "--instrumentation_includes=" + INSTRUMENTED,
            "--instrumentation_excludes=" + NOT_INSTRUMENTED,
            "--custom_hook_includes=" + INSTRUMENTED,
            "--custom_hook_excludes=" + NOT_INSTRUMENTED,
            "--disabled_hooks=" + NOT_LOOKED_FOR,
            "--reproducer_path=" + folder,
            "-artifact_prefix=" + folder + "/",
            "-print_final_stats=1",
            "-timeout=" + HANG_SECONDS,
            // It looks at the most that was ever used, and begins with that of whoever started it.
            "-rss_limit_mb=0",
            "-max_len=" + INPUT_BYTES_MAX,
            "-max_total_time=" + seconds,
            "-seed=" + seed,
            grown.toString(),
            FuzzTargets.corpus(name).toString()));
    StringBuilder output = new StringBuilder();
    long executions = 0;
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    Thread killer = new Thread(process::destroyForcibly);
    Runtime.getRuntime().addShutdownHook(killer);
    try (BufferedReader said = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = said.readLine(); line != null; line = said.readLine()) {
        output.append(line).append('\n');
        lines.accept(line);
        Matcher matcher = EXECUTIONS.matcher(line);
        if (matcher.find()) {
          executions = Long.parseLong(matcher.group(1));
        }
      }
      int exitStatus = process.waitFor();
      List<Path> findings = new ArrayList<>(findings());
      findings.removeAll(before);
      return new Result(name, exitStatus, executions, findings, output.toString());
    } finally {
      process.destroyForcibly();
      Runtime.getRuntime().removeShutdownHook(killer);
    }
  }

  private static List<String> jvm() {
    return new ArrayList<>(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "-XX:+EnableDynamicAgentLoading",
            "-XX:+UseSerialGC",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            ChildJvm.classPath(_ -> true),
            "com.code_intelligence.jazzer.Jazzer"));
  }

  private List<Path> findings() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.getFileName().toString().matches("(crash|timeout|oom|slow-unit)-.*"))
          .sorted()
          .toList();
    }
  }
}
