// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The BOM and the poms of the examples repeat versions of the pom: here they are the same. */
@Timeout(60)
class BomTest {
  private static final Path POM = Path.of("pom.xml");
  private static final Path BOM = Path.of("bom/pom.xml");

  @Test
  void theBomHasTheVersionsOfTheBuild() throws IOException {
    for (String property :
        List.of(
            "revision", "netty.version", "jedis.version", "jetcd.version", "micrometer.version")) {
      assertThat(first(BOM, property)).as(property).isEqualTo(first(POM, property));
    }
  }

  /** So that one option of a build sets both; what is published has it in place of the property. */
  @Test
  void theVersionOfBothIsTheRevision() throws IOException {
    for (Path pom : List.of(POM, BOM)) {
      assertThat(first(pom, "version")).as(pom.toString()).isEqualTo("${revision}");
      assertThat(Files.readString(pom))
          .as(pom.toString())
          .contains(
              "<artifactId>flatten-maven-plugin</artifactId>",
              "<flattenMode>resolveCiFriendliesOnly</flattenMode>");
    }
  }

  /** Maven Central refuses a pom without these. */
  @Test
  void bothSayWhatMavenCentralAsksFor() throws IOException {
    for (Path pom : List.of(POM, BOM)) {
      String text = Files.readString(pom);
      assertThat(text)
          .as(pom.toString())
          .contains("<name>", "<description>", "<licenses>", "<developers>", "<scm>", "<url>")
          .contains("<artifactId>maven-gpg-plugin</artifactId>");
    }
    assertThat(first(BOM, "connection")).isEqualTo(first(POM, "connection"));
  }

  @Test
  void theExamplesUseThisVersion() throws IOException {
    for (String example : List.of("jlama-disaggregated", "kv-cache-server", "shuffle")) {
      Path pom = Path.of("examples", example, "pom.xml");
      assertThat(first(pom, "transfer-engine.version"))
          .as(example)
          .isEqualTo(first(POM, "revision"));
    }
  }

  /** The text of the first element of that name; in these poms, the project's own comes first. */
  private static String first(Path pom, String name) throws IOException {
    Matcher element =
        Pattern.compile("<" + name + ">([^<]+)</" + name + ">").matcher(Files.readString(pom));
    assertThat(element.find()).as(pom + " has " + name).isTrue();
    return element.group(1);
  }
}
