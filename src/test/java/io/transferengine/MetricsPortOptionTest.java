// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.MetricsPortMain;
import io.transferengine.testkit.Needs;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code TE_METRICS_PORT}. */
@Timeout(120)
class MetricsPortOptionTest {
  private static final int BYTES = 1 << 20;

  private static final Predicate<String> REGISTRY =
      Pattern.compile("/(micrometer|prometheus)-[^/]*\\.jar$").asPredicate();

  private static URI uri(TestEngine of) {
    InetSocketAddress address = of.engine.metricsAddress().orElseThrow();
    assertThat(address.getAddress().isLoopbackAddress()).isTrue();
    return URI.create("http://127.0.0.1:" + address.getPort() + "/metrics");
  }

  private static HttpResponse<String> get(URI uri) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
    }
  }

  private static String text(TestEngine of) {
    try {
      return get(uri(of)).body();
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  private static String name(Enum<?> figure) {
    return "transferengine_" + figure.name().toLowerCase(Locale.ROOT);
  }

  @Test
  void allFiguresAreServedAsPrometheusReadsThem() throws Exception {
    URI uri;
    try (TestEngine here = new TestEngine(BYTES, builder -> builder.metricsPort(0));
        TestEngine there = new TestEngine(BYTES)) {
      uri = uri(here);
      TestEngine.serves(there, here);
      TestEngine.assertFailed(
          here.submit(
              Operation.READ, there.engine.segmentName(), there.address() + 2L * BYTES, 100));
      HttpResponse<String> answer = get(uri);
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.headers().firstValue("Content-Type"))
          .contains("text/plain; version=0.0.4; charset=utf-8");

      // Figures may be some tenths of a second old; events have a thread of their own.
      await()
          .untilAsserted(
              () ->
                  assertThat(text(here))
                      .contains(
                          "transferengine_bytes_written_total 1048576.0\n",
                          "transferengine_transfers_failed_total 1.0\n",
                          "transferengine_failures_total{cause=\"remote_refused\"} 1.0\n",
                          "transferengine_registered_bytes_host 1048576.0\n",
                          "transferengine_transfer_duration_seconds_count{direction=\"write\","
                              + "outcome=\"completed\",transport=\"tcp\"} 1\n",
                          "transferengine_handshake_duration_seconds_count{outcome=\"completed\"}",
                          "transferengine_events_total{kind=\"path_up\",transport=\"tcp\"}"));
      String text = text(here);
      for (Counter each : Counter.values()) {
        assertThat(text).contains("\n" + name(each) + "_total ");
      }
      for (Gauge each : Gauge.values()) {
        assertThat(text).contains("\n" + name(each) + " ");
      }
      for (FailureCause each : FailureCause.values()) {
        assertThat(text).contains("{cause=\"" + each.label().replace(' ', '_') + "\"}");
      }
      assertThat(text).doesNotContain(there.engine.segmentName());
      checkWithPromtool(text);
    }
    URI closed = uri;
    assertThatThrownBy(() -> get(closed)).isInstanceOf(ConnectException.class);
  }

  /** By the parser of Prometheus, which also knows how figures should be called. */
  private static void checkWithPromtool(String text) throws IOException, InterruptedException {
    Path promtool = Path.of("/usr/bin/promtool");
    Needs.that(
        Files.isExecutable(promtool),
        "promtool is missing: install the package prometheus (./te test does as root on Debian)");
    Process process =
        new ProcessBuilder(promtool.toString(), "check", "metrics")
            .redirectErrorStream(true)
            .start();
    try (OutputStream in = process.getOutputStream()) {
      in.write(text.getBytes(StandardCharsets.UTF_8));
    }
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    assertThat(said).isEmpty();
  }

  @Test
  void withoutTheOptionNothingListens() {
    try (TestEngine engine = new TestEngine(BYTES)) {
      assertThat(engine.engine.metricsAddress()).isEmpty();
    }
  }

  @Test
  void aPortThatIsTakenIsNamed() {
    try (TestEngine engine = new TestEngine(BYTES, builder -> builder.metricsPort(0))) {
      int port = engine.engine.metricsAddress().orElseThrow().getPort();
      assertThatThrownBy(() -> new TestEngine(BYTES, builder -> builder.metricsPort(port)))
          .isInstanceOfSatisfying(
              TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOCKET))
          .hasMessageContainingAll("127.0.0.1:" + port, "TE_METRICS_PORT", "TE_METRICS_ADDRESS");
    }
  }

  @Test
  void withoutTheLibraryTheOptionIsAnErrorThatNamesIt() throws Exception {
    String without = ChildJvm.classPath(REGISTRY.negate());
    ChildJvm.Result asked =
        ChildJvm.run(List.of(), without, List.of("TE_METRICS_PORT=0"), MetricsPortMain.class);
    assertThat(asked.output())
        .contains(
            "TE_METRICS_PORT",
            "io.micrometer:micrometer-registry-prometheus",
            "is not on the class path",
            "status -");
    // Nobody else needs it.
    assertThat(ChildJvm.run(List.of(), without, List.of(), MetricsPortMain.class).output())
        .contains("open Optional.empty", "status 0");
    assertThat(
            ChildJvm.run(
                    List.of(),
                    ChildJvm.classPath(_ -> true),
                    List.of("TE_METRICS_PORT=0"),
                    MetricsPortMain.class)
                .output())
        .contains("open Optional[/127.0.0.1:", "status 0");
  }
}
