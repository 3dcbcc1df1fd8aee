// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * What a user of the library gets with it. {@code src/test/consumer} shows that nothing else
 * arrives; this is faster, and names the line of the pom.
 */
@Timeout(60)
class LibraryDependenciesTest {
  private static final List<String> DIRECT =
      List.of(
          "slf4j-api",
          "jackson-core",
          "jspecify",
          "netty-buffer",
          "netty-codec-base",
          "netty-common",
          "netty-handler",
          "netty-transport",
          "netty-transport-classes-epoll",
          "netty-transport-classes-io_uring",
          "netty-transport-native-epoll:linux-x86_64",
          "netty-transport-native-epoll:linux-aarch_64",
          "netty-transport-native-io_uring:linux-x86_64",
          "netty-transport-native-io_uring:linux-aarch_64");

  /** What those need. */
  private static final List<String> TRANSITIVE =
      List.of("netty-resolver", "netty-transport-native-unix-common");

  /** They are 3.9 MB. More than this is another library, which needs a decision. */
  private static final long LIMIT_BYTES = 4_200_000;

  @Test
  void theLibraryNeedsTheseAndNothingElse() throws Exception {
    assertThat(direct()).containsExactlyInAnyOrderElementsOf(DIRECT);
  }

  @Test
  void theyAreSmall() throws IOException {
    List<String> all = new ArrayList<>(DIRECT);
    all.addAll(TRANSITIVE);
    long total = 0;
    for (String library : all) {
      Path jar = jar(library);
      total += Files.size(jar);
      System.out.printf("%,10d bytes  %s%n", Files.size(jar), jar.getFileName());
    }
    System.out.printf("%,10d bytes, the libraries of the library%n", total);
    assertThat(total).isLessThan(LIMIT_BYTES);
  }

  private static Path jar(String library) {
    String[] parts = library.split(":", -1);
    String classifier = parts.length > 1 ? "-" + parts[1] : "";
    Pattern file = Pattern.compile(".*/" + parts[0] + "-[0-9.]+(Final)?" + classifier + "\\.jar");
    // Jackson 3, below jetcd, has an artifact of the same name.
    String jars =
        ChildJvm.classPath(
            entry -> file.matcher(entry).matches() && !entry.contains("/tools/jackson/"));
    assertThat(jars).as(library).isNotEmpty().doesNotContain(":");
    return Path.of(jars);
  }

  /** {@return the dependencies of the pom itself, profiles aside} */
  private static List<String> direct() throws Exception {
    Element project =
        DocumentBuilderFactory.newDefaultInstance()
            .newDocumentBuilder()
            .parse(Path.of("pom.xml").toFile())
            .getDocumentElement();
    return children(child(project, "dependencies")).stream()
        .filter(dependency -> !text(dependency, "scope").equals("test"))
        .filter(dependency -> !text(dependency, "optional").equals("true"))
        .map(
            dependency -> {
              String classifier = text(dependency, "classifier");
              return text(dependency, "artifactId")
                  + (classifier.isEmpty() ? "" : ":" + classifier);
            })
        .toList();
  }

  private static Element child(Element parent, String name) {
    return children(parent).stream()
        .filter(element -> element.getTagName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static String text(Element parent, String name) {
    return children(parent).stream()
        .filter(element -> element.getTagName().equals(name))
        .map(Node::getTextContent)
        .findFirst()
        .orElse("");
  }

  private static List<Element> children(Element parent) {
    List<Element> elements = new ArrayList<>();
    for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element element) {
        elements.add(element);
      }
    }
    return elements;
  }
}
