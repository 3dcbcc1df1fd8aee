// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the Javadoc of a builder method says is what the configuration page says of its option. */
@Timeout(60)
class BuilderDocTest {
  private static final Path SOURCES = Path.of("src", "main", "java", "io", "transferengine");

  @Test
  void theJavadocSaysWhatThePageSays() throws IOException {
    StringBuilder sources = new StringBuilder();
    try (Stream<Path> files = Files.list(SOURCES)) {
      for (Path file : files.filter(BuilderDocTest::declaresBuilder).toList()) {
        sources.append(Files.readString(file));
      }
    }
    List<String> different = new ArrayList<>();
    for (Option<?> option : Options.all()) {
      String javadoc = javadoc(sources, option.builderName());
      String expected = option.description() + " (" + option.environmentName() + ")";
      if (!javadoc.startsWith(expected)) {
        different.add(option.builderName() + ":\n  " + javadoc + "\nis not\n  " + expected);
      }
    }
    assertThat(different).isEmpty();
  }

  private static boolean declaresBuilder(Path file) {
    String name = String.valueOf(file.getFileName());
    return name.endsWith("Builder.java") || name.equals("EngineConfig.java");
  }

  /** Without its tags, code marks and line ends. */
  private static String javadoc(CharSequence sources, String method) {
    Matcher found =
        Pattern.compile(
                "/\\*\\*((?:(?!\\*/).)*)\\*/\\s+public (?:EngineConfig\\.)?Builder "
                    + method
                    + "\\(",
                Pattern.DOTALL)
            .matcher(sources);
    if (!found.find()) {
      return "no Javadoc";
    }
    return found
        .group(1)
        .replaceAll("\n *\\*", " ")
        .replaceAll("\\{@code\\s+([^}]*)\\}", "$1")
        .replaceAll("\\s+", " ")
        .strip();
  }
}
