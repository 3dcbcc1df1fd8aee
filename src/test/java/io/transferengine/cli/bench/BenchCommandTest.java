// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.transferengine.cli.CommandRun;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class BenchCommandTest {
  @Test
  void writesTheFiguresAsJson(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("figures.json");

    CommandRun run =
        CommandRun.of(
            "bench",
            "--loopback",
            "--sizes=4K,100000",
            "--batch=1,8",
            "--count=3",
            "--threads=2",
            "--against=none",
            "--json=" + file);

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).isEqualTo(8);
    List<Map<String, String>> runs = runs(file);
    assertThat(runs)
        .hasSize(8)
        .allSatisfy(
            fields ->
                assertThat(fields.keySet())
                    .startsWith(
                        "operation",
                        "protocol",
                        "block_bytes",
                        "batch",
                        "bytes",
                        "seconds",
                        "gb_per_s",
                        "p50_us",
                        "p99_us",
                        "cpu_s_per_gb"));
    assertThat(runs.get(2))
        .containsEntry("operation", "write")
        .containsEntry("protocol", "tcp")
        .containsEntry("block_bytes", "4096")
        .containsEntry("batch", "8")
        .containsEntry("bytes", Integer.toString(4096 * 8 * 3 * 2));
    assertThat(runs).allSatisfy(fields -> assertThat(number(fields, "gb_per_s")).isPositive());
    assertThat(runs)
        .allSatisfy(
            fields ->
                assertThat(number(fields, "p50_us"))
                    .isPositive()
                    .isLessThanOrEqualTo(number(fields, "p99_us")));
  }

  /** That it is tried shows that it is done. */
  @Test
  void servesTheFiguresOfTheEngineThatMeasures() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      String port = "--metrics-port=" + taken.getLocalPort();
      CommandRun run = CommandRun.of("bench", "--loopback", port);
      assertThat(run.status()).isNotZero();
      assertThat(run.toString())
          .contains("Figures cannot be served at 127.0.0.1:" + taken.getLocalPort());
      CommandRun target = CommandRun.of("bench", "--target", port);
      assertThat(target.status()).isEqualTo(2);
      assertThat(target.toString()).contains("use it where the measurement runs");
    }
  }

  @Test
  void measuresCopiesOnOneMachine(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("figures.json");
    CommandRun run =
        CommandRun.of(
            "bench",
            "--loopback",
            "--protocol=local",
            "--sizes=4K,1M",
            "--batch=1,20",
            "--count=3",
            "--against=none",
            "--json=" + file);
    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).isEqualTo(8);
    assertThat(runs(file))
        .allSatisfy(fields -> assertThat(fields).containsEntry("protocol", "local"));
    CommandRun elsewhere = CommandRun.of("bench", "--target", "--protocol=local");
    assertThat(elsewhere.status()).as("%s", elsewhere).isEqualTo(2);
  }

  /** Rows are printed as they end, also into a pipe, and a signal costs only those to come. */
  @Test
  void aSignalLeavesTheRowsThatThereAre(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("figures.json");
    ProcessBuilder builder =
        CommandRun.builder(
            "bench",
            "--loopback",
            "--sizes=4K",
            "--batch=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
            "--seconds=1",
            "--against=none",
            "--json=" + file);
    builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    Process process = builder.start();
    try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
      String row = output.readLine();
      while (row != null && !row.endsWith("verified")) {
        row = output.readLine();
      }
      assertThat(row).startsWith("write");
      // Not of the process itself, which would close our end, too.
      assertThat(process.toHandle().destroy()).isTrue();
      assertThat(output.lines()).anyMatch(line -> line.startsWith("Interrupted"));
      assertThat(process.waitFor()).isNotZero();
      assertThat(runs(file)).isNotEmpty().first().extracting("operation").isEqualTo("write");
      assertThat(Files.readString(file)).contains("\"version\"", "\"date\"", "\"options\"", "load");
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void setsASingleBlockBesideABarePingPong(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("figures.json");

    CommandRun run =
        CommandRun.of(
            "bench",
            "--loopback",
            "--sizes=4K",
            "--batch=1,2",
            "--count=3",
            "--against=nio",
            "--json=" + file);

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output())
        .containsPattern("GB/s +reference +ratio .*p50 us +reference us +ratio");
    List<Map<String, String>> runs = runs(file);
    assertThat(runs).hasSize(4);
    for (Map<String, String> fields : runs) {
      if (!"1".equals(fields.get("batch"))) {
        assertThat(fields).doesNotContainKeys("reference", "p50_ratio");
        continue;
      }
      assertThat(fields).containsEntry("reference", "nio");
      assertThat(number(fields, "reference_p50_us")).isPositive();
      assertThat(number(fields, "p50_ratio"))
          .isCloseTo(
              number(fields, "p50_us") / number(fields, "reference_p50_us"),
              Percentage.withPercentage(1));
    }
  }

  @Test
  void tellsTheLatencyOfSingleBlocks(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("figures.json");

    CommandRun run =
        CommandRun.of(
            "bench",
            "--loopback",
            "--latency",
            "--sizes=8,4K",
            "--op=write",
            "--count=50",
            "--rate=1000",
            "--busy=1",
            "--against=nio,ucx_perftest,memcpy",
            "--json=" + file);

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).isEqualTo(2);
    assertThat(run.output())
        .contains("p99.99", "due, at 1000 a second", "ucx_perftest")
        .contains("Busy loops beside all of it, each bound to a processor: 1.")
        .containsPattern("(?m)^nio .* write 8 B x 1$")
        .containsPattern("(?m)^memcpy .* write 4 KiB x 1$");
    assertThat(runs(file))
        .hasSize(2)
        .allSatisfy(
            fields -> {
              assertThat(fields).containsEntry("batch", "1").containsEntry("reference", "nio");
              assertThat(fields).containsEntry("references", "nested");
              assertThat(number(fields, "p99_us")).isLessThanOrEqualTo(number(fields, "p9999_us"));
              assertThat(number(fields, "p9999_us")).isLessThanOrEqualTo(number(fields, "max_us"));
            });
  }

  @Test
  void setsCopiesBesideTcpAndAPlainCopy() throws Exception {
    CommandRun run =
        CommandRun.of(
            "bench",
            "--loopback",
            "--protocol=local",
            "--sizes=4K",
            "--batch=16",
            "--count=3",
            "--against=tcp,memcpy");

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).isEqualTo(2);
    assertThat(run.output())
        .containsPattern("(?m)^tcp .* write 4 KiB x 16$")
        .containsPattern("(?m)^memcpy .* read 4 KiB x 16$");
  }

  @Test
  void aPresetIsSetBesideTheSameOverTcp() throws Exception {
    CommandRun run =
        CommandRun.of(
            "bench",
            "--loopback",
            "--protocol=local",
            "--preset=llama3-70b-tp8",
            "--tokens=64",
            "--op=read",
            "--count=1",
            "--against=tcp,memcpy");

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output())
        .containsPattern("(?m)^tcp .* llama3-70b-tp8/64 tokens read")
        .containsPattern("(?m)^memcpy .* llama3-70b-tp8/64 tokens read");
  }

  @Test
  void failsWhenTheSampleDiffers() throws Exception {
    CommandRun run =
        CommandRun.of(
            "bench",
            "--loopback",
            "--sizes=64K",
            "--batch=2",
            "--count=1",
            "--against=none",
            "--corrupt-for-test");

    assertThat(run.status()).as("%s", run).isEqualTo(1);
    assertThat(run.lines("FAILED")).isEqualTo(2);
    assertThat(run.output()).contains("SHA-256 of a sample");
  }

  @Test
  void measuresAnIdleEngine() throws Exception {
    CommandRun run = CommandRun.of("bench", "--idle", "1");

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output())
        .containsPattern("idle, an engine with 10 open peers: [0-9.]+ % of a core");
  }

  private static double number(Map<String, String> fields, String name) {
    return Double.parseDouble(fields.getOrDefault(name, "NaN"));
  }

  /** The objects of the member "runs", their members in order. */
  static List<Map<String, String>> runs(Path file) throws IOException {
    List<Map<String, String>> runs = new ArrayList<>();
    try (JsonParser parser = new JsonFactory().createParser(file.toFile())) {
      assertThat(parser.nextToken()).isEqualTo(JsonToken.START_OBJECT);
      assertThat(parser.nextFieldName()).isEqualTo("runs");
      assertThat(parser.nextToken()).isEqualTo(JsonToken.START_ARRAY);
      while (parser.nextToken() == JsonToken.START_OBJECT) {
        Map<String, String> fields = new LinkedHashMap<>();
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
          parser.nextToken();
          if (parser.currentToken().isScalarValue()) {
            fields.put(name, parser.getText());
          } else {
            parser.skipChildren();
            fields.put(name, "nested");
          }
        }
        runs.add(fields);
      }
    }
    return runs;
  }
}
