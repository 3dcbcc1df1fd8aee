// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.Needs;
import io.transferengine.testkit.PlainYaml;
import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What {@code docs/DEPLOYING.md} shows can be read by whom it is for, and fits the library. */
@Timeout(120)
class DeployingTest {
  private static final Pattern OPTION = Pattern.compile("\\b(?:TE|MC)_[A-Z0-9_]+");

  /** The frameworks' annotations, as far as the page uses them; no framework is needed here. */
  private static final Map<String, String> ANNOTATIONS =
      Map.ofEntries(
          Map.entry("org.springframework.beans.factory.annotation.Value", "String value();"),
          Map.entry("org.springframework.context.annotation.Bean", ""),
          Map.entry("org.springframework.context.annotation.Configuration", ""),
          Map.entry("io.micronaut.context.annotation.Bean", "String preDestroy();"),
          Map.entry("io.micronaut.context.annotation.Factory", ""),
          Map.entry("io.micronaut.context.annotation.Value", "String value();"),
          Map.entry("io.quarkus.runtime.Startup", ""),
          Map.entry("jakarta.enterprise.context.ApplicationScoped", ""),
          Map.entry("jakarta.enterprise.inject.Disposes", ""),
          Map.entry("jakarta.enterprise.inject.Produces", ""),
          Map.entry("jakarta.inject.Singleton", ""),
          Map.entry("org.eclipse.microprofile.config.inject.ConfigProperty", "String name();"));

  @TempDir private Path folder = Path.of("");

  @Test
  void everyOptionThatIsNamedExists() throws IOException {
    String options = Files.readString(Path.of("docs", "CONFIGURATION.md"));
    assertThat(OPTION.matcher(page()).results().map(MatchResult::group).distinct())
        .isNotEmpty()
        .allSatisfy(name -> assertThat(options).contains("| `" + name + "` |"));
  }

  @Test
  void thePodOpensThePortsThatItsEngineListensOn() throws IOException {
    PlainYaml pod = PlainYaml.parse(block("yaml"));
    assertThat(pod.get("kind").text()).isEqualTo("Pod");
    PlainYaml container = pod.get("spec").get("containers").items().getFirst();
    assertThat(named(container.get("env"), "TE_RPC_PORT", "value"))
        .isEqualTo(named(container.get("ports"), "rpc", "containerPort"));
    assertThat(named(container.get("env"), "TE_DATA_PORT", "value"))
        .isEqualTo(named(container.get("ports"), "data", "containerPort"));
    for (String probe : List.of("readinessProbe", "livenessProbe")) {
      String port = container.get(probe).get("httpGet").get("port").text();
      assertThat(named(container.get("ports"), port, "containerPort")).matches("\\d+");
    }
    String token = named(container.get("env"), "TE_TOKEN_FILE", "value");
    PlainYaml mount = container.get("volumeMounts").items().getFirst();
    assertThat(token).startsWith(mount.get("mountPath").text() + "/");
    assertThat(pod.get("spec").get("volumes").items().getFirst().get("name").text())
        .isEqualTo(mount.get("name").text());
  }

  private static String named(PlainYaml list, String name, String member) {
    return list.items().stream()
        .filter(item -> item.get("name").text().equals(name))
        .map(item -> item.get(member).text())
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + name));
  }

  /** It tells what it does not know, but does not fail for it. */
  @Test
  void systemdKnowsEachLineOfTheUnit() throws Exception {
    Needs.ofMachine(
        Files.isExecutable(Path.of("/usr/bin/systemd-analyze")), "there is no systemd-analyze");
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Path unit =
        Files.writeString(
            folder.resolve("decode.service"), block("ini").replace("/usr/bin/java", java));
    Process verify =
        new ProcessBuilder("/usr/bin/systemd-analyze", "verify", unit.toString())
            .redirectErrorStream(true)
            .start();
    try {
      assertThat(new String(verify.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
          .isEmpty();
      assertThat(verify.waitFor()).isZero();
    } finally {
      verify.destroyForcibly();
    }
  }

  @Test
  void theLifeCyclesCompile() throws IOException {
    List<String> programs =
        Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL)
            .matcher(page())
            .results()
            .map(found -> found.group(1))
            .toList();
    assertThat(programs).hasSize(4);
    List<JavaFileObject> annotations = new ArrayList<>();
    ANNOTATIONS.forEach((name, members) -> annotations.add(annotation(name, members)));
    Path stubs = Files.createDirectories(folder.resolve("stubs"));
    compile(stubs, "", annotations);
    for (int i = 0; i < programs.size(); i++) {
      String name = programs.get(i).contains("class Engines") ? "Engines" : "Plain";
      compile(
          Files.createDirectories(folder.resolve("program" + i)),
          stubs.toString(),
          List.of(new Source(name, programs.get(i))));
    }
  }

  private static JavaFileObject annotation(String name, String members) {
    int dot = name.lastIndexOf('.');
    return new Source(
        name,
        "package %s; public @interface %s { %s }"
            .formatted(name.substring(0, dot), name.substring(dot + 1), members));
  }

  private static void compile(Path classes, String path, List<JavaFileObject> sources)
      throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter complaints = new StringWriter();
    String library = ChildJvm.classPath(entry -> true);
    try (StandardJavaFileManager files =
        compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
      List<String> options =
          List.of(
              "-d",
              classes.toString(),
              "-cp",
              path + File.pathSeparator + library,
              "--release",
              "25",
              "-proc:none");
      assertThat(compiler.getTask(complaints, files, null, options, null, sources).call())
          .as(complaints.toString())
          .isTrue();
    }
  }

  private static String block(String language) throws IOException {
    Matcher block =
        Pattern.compile("```" + language + "\\n(.*?)```", Pattern.DOTALL).matcher(page());
    assertThat(block.find()).isTrue();
    return block.group(1);
  }

  private static String page() throws IOException {
    return Files.readString(Path.of("docs", "DEPLOYING.md"));
  }

  private static final class Source extends SimpleJavaFileObject {
    private final String text;

    Source(String name, String text) {
      super(URI.create("string:///" + name.replace('.', '/') + ".java"), Kind.SOURCE);
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return text;
    }
  }
}
