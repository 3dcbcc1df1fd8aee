// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The recipe of {@code docs/RECIPES.md} that needs no framework works as it is written there. That
 * for Spring Boot is run beside the other projects of strangers ({@code src/test/consumer}).
 */
@Timeout(120)
class RecipesTest {
  private static final Pattern JAVA = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);

  @TempDir private Path folder = Path.of("");

  @Test
  void plainPrometheusServesTheFigures() throws Exception {
    Matcher recipe = JAVA.matcher(Files.readString(Path.of("docs", "RECIPES.md")));
    assertThat(recipe.find()).isTrue();
    Path source = Files.writeString(folder.resolve("Recipe.java"), recipe.group(1));
    assertThat(recipe.find()).as("that for Spring Boot").isTrue();
    assertThat(recipe.find()).as("the others are not run").isFalse();
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                source.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader output = process.inputReader();
        HttpClient client = HttpClient.newHttpClient()) {
      String line = output.readLine();
      assertThat(line).startsWith("http://127.0.0.1:").endsWith("/metrics");
      HttpResponse<String> answer =
          client.send(
              HttpRequest.newBuilder(URI.create(line)).build(),
              HttpResponse.BodyHandlers.ofString());
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.body())
          .contains("transferengine_lanes_open ", "transferengine_transfers_completed_total ");
      process.getOutputStream().close();
      assertThat(process.waitFor()).isZero();
    } finally {
      process.destroyForcibly();
    }
  }
}
