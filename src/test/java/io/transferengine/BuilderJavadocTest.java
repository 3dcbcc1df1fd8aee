// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Option;
import io.transferengine.config.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the builder's Javadoc says of an option is what the option says of itself. */
@Timeout(60)
class BuilderJavadocTest {
  private static final Path SOURCES = Path.of("src", "main", "java", "io", "transferengine");
  private static final List<String> FILES =
      List.of(
          "EngineConfig.java",
          "LimitBuilder.java",
          "MetadataBuilder.java",
          "ObservationBuilder.java",
          "RdmaBuilder.java",
          "TlsBuilder.java");

  private static Stream<Option<?>> options() {
    return Options.all().stream();
  }

  /** The text of a setter's Javadoc in one line, tags of inline code left out. */
  private static String javadoc(String setter) throws IOException {
    Pattern method =
        Pattern.compile(
            "/\\*\\*((?:(?!\\*/).)*)\\*/\\s*public [\\w.]+ " + setter + "\\(", Pattern.DOTALL);
    for (String file : FILES) {
      Matcher found = method.matcher(Files.readString(SOURCES.resolve(file)));
      if (found.find()) {
        return plain(found.group(1).replaceAll("(?m)^\\s*\\*", " "));
      }
    }
    throw new AssertionError("no setter " + setter + " with Javadoc in " + FILES);
  }

  /** Numbers are told by their units, and what stands in tags by itself. */
  private static String plain(String text) {
    return text.replaceAll("\\{@code\\s+([^}]*)}", "$1")
        .replaceAll("\\d+ \\((\\d+ [KMGT]iB)\\)", "$1")
        .replaceAll("\\s+", " ")
        .strip();
  }

  @ParameterizedTest
  @MethodSource("options")
  void theJavadocOfASetterSaysWhatItsOptionSays(Option<?> option) throws IOException {
    String javadoc = javadoc(option.builderName());
    assertThat(javadoc)
        .startsWith(plain(option.description()) + " (" + option.environmentName() + ")");
    String value = option.defaultValue() instanceof Boolean ? "whether" : option.acceptedForm();
    assertThat(javadoc).contains("@param value " + plain(value) + " @return this builder");
  }
}
