// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Runs the examples of {@code README.md} as a reader would: each Java block is a file for {@code
 * java}, the text block behind it is what it prints.
 */
class ReadmeTest {
  private static final Pattern EXAMPLE =
      Pattern.compile("```java\\n(.*?)```.*?```text\\n(.*?)```", Pattern.DOTALL);

  /** Compiling and running takes two seconds; a busy machine gets thirty times that. */
  private static final int RUN_SECONDS = 60;

  record Example(String source, String output) {
    @Override
    public String toString() {
      return output.strip();
    }
  }

  static List<Example> examples() throws IOException {
    return EXAMPLE
        .matcher(readme())
        .results()
        .map((MatchResult found) -> new Example(found.group(1), found.group(2)))
        .toList();
  }

  private static String readme() throws IOException {
    return Files.readString(Path.of("README.md"));
  }

  @Test
  void everyJavaBlockIsAnExample() throws IOException {
    long blocks = readme().lines().filter("```java"::equals).count();
    assertThat(examples()).hasSize((int) blocks).isNotEmpty();
  }

  @ParameterizedTest
  @MethodSource("examples")
  @Timeout(2 * RUN_SECONDS)
  void exampleRunsAndPrintsWhatItSays(Example example, @TempDir Path directory) throws Exception {
    Path source = Files.writeString(directory.resolve("Example.java"), example.source());
    Path output = directory.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                // A reader has no log backend, and SLF4J says so.
                "-Dslf4j.internal.verbosity=ERROR",
                "-cp",
                classPathOfUsers(),
                source.toString())
            // Standard error as well: the options that README names silence every warning.
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(process.waitFor(RUN_SECONDS, TimeUnit.SECONDS)).as("it ends").isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(Files.readString(output)).isEqualTo(example.output());
    assertThat(process.exitValue()).isZero();
  }

  private static String classPathOfUsers() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> !entry.contains("test-classes") && !entry.contains("logback"))
        .collect(Collectors.joining(File.pathSeparator));
  }
}
