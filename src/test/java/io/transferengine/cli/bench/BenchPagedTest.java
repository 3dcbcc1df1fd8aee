// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.CommandRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;

/** KV caches and traces between two processes, and what becomes of their figures. */
@Timeout(180)
class BenchPagedTest {
  private static final String PRESET = "deepseek-v3-fp8";
  private static final int REGIONS = 61;
  private static final int BLOCK_BYTES = 9216;

  @TempDir private Path folder;

  @Test
  void movesThePagesOfAModelAndDrawsAndComparesTheFigures() throws Exception {
    Path json = folder.resolve("figures.json");
    Path plot = folder.resolve("figures.svg");
    String[] command = {
      "bench",
      "--loopback",
      "--preset=" + PRESET,
      "--tokens=33,160",
      "--count=3",
      "--threads=2",
      "--repeat=2",
      "--against=none",
      "--json=" + json,
      "--plot=" + plot
    };

    CommandRun run = CommandRun.of(command);

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).isEqualTo(4);
    List<Map<String, String>> runs = BenchCommandTest.runs(json);
    assertThat(runs).hasSize(4);
    assertThat(runs.getFirst())
        .containsEntry("workload", PRESET + "/33 tokens")
        .containsEntry("block_bytes", Integer.toString(BLOCK_BYTES))
        .containsEntry("batch", Integer.toString(3 * REGIONS))
        .containsEntry("rounds", "2")
        .containsEntry("bytes", Integer.toString(2 * 3 * 2 * 3 * REGIONS * BLOCK_BYTES));
    Document picture = parse(plot);
    assertThat(picture.getDocumentElement().getNodeName()).isEqualTo("svg");
    assertThat(picture.getElementsByTagName("path").getLength()).isPositive();
    assertThat(Files.readString(plot)).doesNotContainPattern("[0-9]\\.[0-9]{3}");
    assertComparesWith(json);
  }

  private static void assertComparesWith(Path json) throws Exception {
    CommandRun again =
        CommandRun.of(
            "bench",
            "--loopback",
            "--preset=" + PRESET,
            "--tokens=33",
            "--op=write",
            "--count=1",
            "--threads=2",
            "--against=none",
            "--compare=" + json);

    assertThat(again.status()).as("%s", again).isZero();
    assertThat(again.output())
        .contains("now / then")
        .contains("1 of 1 rows are in " + json)
        .containsPattern("write +9 KiB +183( +[0-9.]+| +-){4} +" + PRESET);
  }

  /** Whatever is not well-formed throws. The document type is not fetched. */
  private static Document parse(Path file) throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setAttribute(XMLConstants.ACCESS_EXTERNAL_DTD, "");
    factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
    return factory.newDocumentBuilder().parse(file.toFile());
  }

  /** Conversations that grow: each request begins as an earlier one of its conversation. */
  private Path trace(int requests) throws IOException {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("trace: replay with -Dseed=" + seed);
    Random random = new Random(seed);
    int conversations = 4;
    int[] blocks = new int[conversations];
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < requests; i++) {
      int conversation = random.nextInt(conversations);
      blocks[conversation] = blocks[conversation] % 12 + 1 + random.nextInt(3);
      int tokens = blocks[conversation] * 512 - random.nextInt(512);
      List<Integer> ids =
          IntStream.range(0, blocks[conversation])
              .mapToObj(block -> conversation * 1000 + block)
              .toList();
      lines.append(
          "{\"timestamp\": %d, \"input_length\": %d, \"output_length\": %d, \"hash_ids\": %s}\n"
              .formatted(i * 50, tokens, random.nextInt(200), ids));
    }
    return Files.writeString(folder.resolve("made.jsonl"), lines);
  }

  @Test
  void replaysATraceAndComparesEveryBlock() throws Exception {
    Path json = folder.resolve("trace.json");

    CommandRun run =
        CommandRun.of(
            "bench",
            "--loopback",
            "--preset=" + PRESET,
            "--trace=" + trace(60),
            "--requests=50",
            "--token-scale=10",
            "--memory=60M",
            "--threads=3",
            "--verify",
            "--against=none",
            "--json=" + json);

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).isEqualTo(2);
    assertThat(run.output())
        .contains("every block of every request")
        .containsPattern("[1-9][0-9.]* % of the pages shared");
    Map<String, String> write = BenchCommandTest.runs(json).getFirst();
    assertThat(write).containsEntry("workload", "made.jsonl/" + PRESET + "/1:10");
    assertThat(Long.parseLong(write.getOrDefault("bytes", "")) % ((long) REGIONS * BLOCK_BYTES))
        .isZero();
  }

  @Test
  void replaysATraceAtItsTimes() throws Exception {
    CommandRun run =
        CommandRun.of(
            "bench",
            "--loopback",
            "--trace=" + trace(20),
            "--token-scale=50",
            "--time-scale=2",
            "--op=read",
            "--memory=64M",
            "--against=none");

    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.lines("verified")).isEqualTo(1);
  }

  @Test
  void failsWhereABlockDiffers() throws Exception {
    String trace = "--trace=" + trace(5);
    for (List<String> workload :
        List.of(
            List.of(trace, "--token-scale=20", "--verify"),
            List.of(trace, "--token-scale=20"),
            List.of("--preset=" + PRESET, "--tokens=40", "--count=1"))) {
      List<String> command =
          new ArrayList<>(
              List.of("bench", "--loopback", "--op=write", "--against=none", "--corrupt-for-test"));
      command.addAll(workload);

      CommandRun run = CommandRun.of(command.toArray(String[]::new));

      assertThat(run.status()).as("%s", run).isEqualTo(1);
      assertThat(run.lines("FAILED")).isEqualTo(1);
      assertThat(run.output()).contains("SHA-256 of");
    }
  }
}
