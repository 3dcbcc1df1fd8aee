// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The committed page is what the options say; {@code -Dte.regenerate=true} writes it anew. */
final class ConfigurationDocTest {
  private static final Path PAGE = Path.of("docs", "CONFIGURATION.md");

  @Test
  void theCommittedPageIsWhatTheOptionsSay() throws IOException {
    String expected = ConfigurationDoc.render();
    if (Boolean.getBoolean("te.regenerate")) {
      Files.createDirectories(PAGE.getParent());
      Files.writeString(PAGE, expected);
    }
    assertThat(PAGE)
        .as("regenerate with: %s", ConfigurationDoc.regenerateCommand())
        .exists()
        .hasContent(expected);
  }

  @Test
  void thePageHasEveryVariableAndBuilderMethodOnce() {
    String page = ConfigurationDoc.render();
    for (Option<?> option : Options.all()) {
      assertThat(page)
          .containsOnlyOnce("| `" + option.environmentName() + "`")
          .containsOnlyOnce("| `" + option.builderName() + "(");
      option.aliases().forEach(alias -> assertThat(page).containsOnlyOnce("`" + alias + "`"));
    }
    Options.withoutEffect()
        .forEach(variable -> assertThat(page).containsOnlyOnce("| `" + variable.name() + "` |"));
    assertThat(page).contains(ConfigurationDoc.regenerateCommand());
  }
}
