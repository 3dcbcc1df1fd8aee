// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The pages for people: that they are there, and that what they point at is there too. */
class DocumentationTest {
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");

  /** A class of ours, as the pages name it; their packages and members are left alone. */
  private static final Pattern TYPE = Pattern.compile("`([A-Z][a-z]+(?:[A-Z][a-z0-9]+)+)`");

  /** Names of that form that are not ours. */
  private static final List<String> FOREIGN =
      List.of(
          "MemorySegment",
          "ByteBuffer",
          "ServiceLoader",
          "ByteBuf",
          "ArrowBuf",
          "RecvByteBufAllocator",
          "MeterBinder",
          "HealthIndicator",
          "IoHandler",
          "PathChange",
          "KvBufferCache");

  /** A release needs its entry. */
  @Test
  void changelogHasTheVersionOfTheBuild() throws IOException {
    Matcher version =
        Pattern.compile("<revision>([0-9.]+)(?:-SNAPSHOT)?</revision>")
            .matcher(Files.readString(Path.of("pom.xml")));
    assertThat(version.find()).isTrue();
    assertThat(Files.readAllLines(Path.of("CHANGELOG.md")))
        .anyMatch(line -> line.startsWith("## " + version.group(1)));
  }

  /** Who has to override a version is told the one that is tested. */
  @Test
  void theReadmeNamesTheNettyOfTheBuild() throws IOException {
    Matcher version =
        Pattern.compile("<netty.version>([^<]+)</netty.version>")
            .matcher(Files.readString(Path.of("pom.xml")));
    assertThat(version.find()).isTrue();
    assertThat(read(Path.of("README.md"))).contains(version.group());
  }

  @Test
  void linksLeadSomewhere() {
    List<String> broken = new ArrayList<>();
    for (Path page : pages()) {
      Matcher link = LINK.matcher(read(page));
      while (link.find()) {
        String target = link.group(1);
        if (!target.contains("://") && !leadsSomewhere(page, target)) {
          broken.add(page + ": " + target);
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  /** A decision that is called by its number is the one behind the link. */
  @Test
  void decisionsAreCalledByTheirNumbers() {
    Pattern decision = Pattern.compile("\\[ADR\\s+(\\d+)\\]\\((?:[^)]*/)?(\\d+)-[^)]*\\)");
    List<String> wrong = new ArrayList<>();
    for (Path page : pages()) {
      Matcher link = decision.matcher(read(page));
      while (link.find()) {
        if (Integer.parseInt(link.group(1)) != Integer.parseInt(link.group(2))) {
          wrong.add(page + ": " + link.group());
        }
      }
    }
    assertThat(wrong).isEmpty();
  }

  private static boolean leadsSomewhere(Path page, String target) {
    String[] parts = target.split("#", 2);
    Path file = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
    return Files.exists(file) && (parts.length == 1 || anchors(file).contains(parts[1]));
  }

  /**
   * Headings as anchors: in lower case, without punctuation, with hyphens for blanks, numbered if
   * there are several of a name. A comment in a block of code is no heading.
   */
  private static List<String> anchors(Path page) {
    List<String> anchors = new ArrayList<>();
    boolean code = false;
    for (String line : read(page).lines().toList()) {
      if (line.startsWith("```")) {
        code = !code;
      } else if (!code && line.startsWith("#")) {
        String heading = line.replaceFirst("^#+ +", "").toLowerCase(Locale.ROOT);
        String anchor = heading.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-');
        anchors.add(anchors.contains(anchor) ? anchor + "-1" : anchor);
      }
    }
    return anchors;
  }

  @Test
  void classesThatAreNamedExist() {
    List<String> types =
        Stream.concat(walk(Path.of("src")).stream(), walk(Path.of("examples")).stream())
            .map(file -> String.valueOf(file.getFileName()))
            .filter(name -> name.endsWith(".java"))
            .map(name -> name.replace(".java", ""))
            .toList();
    List<String> unknown = new ArrayList<>();
    for (Path page : pages()) {
      Matcher type = TYPE.matcher(read(page));
      while (type.find()) {
        if (!types.contains(type.group(1)) && !FOREIGN.contains(type.group(1))) {
          unknown.add(page + ": " + type.group(1));
        }
      }
    }
    assertThat(unknown).isEmpty();
  }

  private static List<Path> pages() {
    List<Path> pages = new ArrayList<>(walk(Path.of("docs")));
    for (String page : List.of("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")) {
      pages.add(Path.of(page));
    }
    pages.removeIf(page -> !page.toString().endsWith(".md"));
    return pages;
  }

  private static List<Path> walk(Path root) {
    try (Stream<Path> files = Files.walk(root)) {
      return files.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
