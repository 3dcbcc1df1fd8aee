// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Needs;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Does what {@code docs/GETTING-STARTED.md} says, with the commands that it shows. */
@Timeout(240)
class GettingStartedTest {
  private static final Path HOME = Path.of("").toAbsolutePath();
  private static final int RUN_SECONDS = 120;

  /** A program and its command, in the order of the page. */
  private static final Pattern PROGRAM =
      Pattern.compile(
          "as `(\\w+\\.java)`:\\n\\n```java\\n(.*?)```.*?```\\n\\./te (run [^\\n]+)\\n```",
          Pattern.DOTALL);

  private static final Pattern OUTPUT = Pattern.compile("```text\\n(.*?)\\n```", Pattern.DOTALL);

  @TempDir private Path folder = Path.of("");

  private record Program(List<String> command) {}

  @Test
  void bytesMoveBetweenTheTwoProcesses() throws Exception {
    Needs.that(
        Files.exists(HOME.resolve("target/te/classpath")),
        "./te has built nothing here; under ./te test this runs");
    String page = Files.readString(HOME.resolve("docs/GETTING-STARTED.md"));
    List<String> printed = OUTPUT.matcher(page).results().map(it -> it.group(1)).toList();
    assertThat(printed).hasSize(3);
    List<Program> programs = programs(page);
    assertThat(programs).hasSize(2);

    Process target = start(programs.get(0).command());
    try (BufferedReader said = target.inputReader(StandardCharsets.UTF_8)) {
      String name = said.readLine();
      assertThat(name).matches(printed.get(0).replace(".", "\\.").replace("…", "\\d+"));
      List<String> command = new ArrayList<>(programs.get(1).command());
      command.set(command.size() - 1, name);
      Process initiator = start(command);
      try {
        assertThat(initiator.waitFor(RUN_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(new String(initiator.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
            .isEqualTo(printed.get(1) + "\n");
        assertThat(initiator.exitValue()).isZero();
      } finally {
        initiator.destroyForcibly();
      }
      assertThat(said.readLine()).isEqualTo(printed.get(2));
      assertThat(said.readLine()).isNull();
      assertThat(target.waitFor()).isZero();
    } finally {
      target.destroyForcibly();
    }
  }

  private List<Program> programs(String page) throws IOException {
    List<Program> programs = new ArrayList<>();
    Matcher found = PROGRAM.matcher(page);
    while (found.find()) {
      Files.writeString(folder.resolve(found.group(1)), found.group(2));
      List<String> words = new ArrayList<>(List.of(HOME.resolve("te").toString()));
      words.addAll(List.of(found.group(3).split(" ", -1)));
      programs.add(new Program(words));
    }
    return programs;
  }

  private Process start(List<String> command) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().keySet().removeIf(name -> name.startsWith("MC_"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    return builder.start();
  }
}
