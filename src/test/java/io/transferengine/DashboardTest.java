// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.transferengine.micrometer.TransferEngineMetrics;
import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The dashboard and the alert rules name figures that there are. */
@Timeout(120)
class DashboardTest {
  private static final Path DASHBOARD = Path.of("docs", "grafana", "transfer-engine.json");
  private static final Path ALERTS = Path.of("docs", "grafana", "alerts.yml");
  private static final Pattern NAME = Pattern.compile("\\btransferengine_[a-z_]+");
  private static final Pattern SAMPLE = Pattern.compile("(?m)^(transferengine_[a-z_]+)[ {]");

  private static Set<String> names(String text) {
    return NAME.matcher(text)
        .results()
        .map(found -> found.group())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** The names of all samples of an engine that has moved something. */
  private static Set<String> real() {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    try (TestEngine here = new TestEngine(4096);
        TestEngine there = new TestEngine(4096);
        TransferEngineMetrics metrics = new TransferEngineMetrics(here.engine)) {
      metrics.bindTo(registry);
      TestEngine.serves(there, here);
      // A thread of its own tells of it.
      await().until(() -> registry.find("transferengine.handshake.duration").timer() != null);
      return SAMPLE
          .matcher(registry.scrape())
          .results()
          .map(found -> found.group(1))
          .collect(Collectors.toSet());
    }
  }

  private static List<String> values(String field) throws IOException {
    List<String> found = new ArrayList<>();
    try (JsonParser parser = new JsonFactory().createParser(DASHBOARD.toFile())) {
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (token == JsonToken.VALUE_STRING && field.equals(parser.currentName())) {
          found.add(parser.getText());
        }
      }
    }
    return found;
  }

  @Test
  void eachFigureThatIsNamedExists() throws IOException {
    List<String> panels = values("expr");
    assertThat(panels).hasSizeGreaterThan(20).allMatch(text -> !names(text).isEmpty());
    String alerts = Files.readString(ALERTS);
    List<String> rules = alerts.lines().filter(line -> line.strip().startsWith("expr:")).toList();
    assertThat(rules).hasSizeGreaterThan(10).allMatch(text -> !names(text).isEmpty());
    Set<String> real = real();
    assertThat(real).containsAll(names(String.join("\n", panels)));
    assertThat(real).containsAll(names(String.join("\n", values("query"))));
    assertThat(real).containsAll(names(alerts));
    assertThat(real).doesNotContain("transferengine_of_nobody_total");
  }

  @Test
  void everyPanelSaysWhatItShows() throws IOException {
    assertThat(values("description"))
        .hasSameSizeAs(values("title").subList(1, values("title").size()))
        .allMatch(text -> text.length() > 10);
  }

  /** By Prometheus itself. */
  @Test
  void rulesAndPanelsAreWellFormed(@TempDir Path folder) throws Exception {
    StringBuilder panels = new StringBuilder("groups:\n  - name: panels\n    rules:\n");
    int count = 0;
    for (String each : values("expr")) {
      String asked = each.replace("$__rate_interval", "1m").replace("$instance", ".*");
      assertThat(asked).doesNotContain("$", "'");
      panels.append("      - {record: a:panel%d, expr: '%s'}\n".formatted(count++, asked));
    }
    Path ofPanels = Files.writeString(folder.resolve("panels.yml"), panels.toString());
    Path promtool = Path.of("/usr/bin/promtool");
    Needs.that(
        Files.isExecutable(promtool),
        "promtool is missing: install the package prometheus (./te test does as root on Debian)");
    Process process =
        new ProcessBuilder(
                promtool.toString(), "check", "rules", ALERTS.toString(), ofPanels.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    assertThat(said).contains(count + " rules found");
  }
}
