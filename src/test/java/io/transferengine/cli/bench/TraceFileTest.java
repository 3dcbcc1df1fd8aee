// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class TraceFileTest {
  @TempDir private Path folder;

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("trace.jsonl"), text);
  }

  @Test
  void readsThePublishedFormat() throws IOException {
    Path file =
        file(
            """
            {"timestamp": 0, "input_length": 1500, "output_length": 500, "hash_ids": [0, 1, 2]}

            {"hash_ids": [], "more": {"a": [1]}, "timestamp": 27000.5, "output_length": 0, "input_length": 1}
            {"timestamp": 30000, "input_length": 9, "output_length": 1, "hash_ids": [46]}
            """);

    List<TraceRequest> requests = TraceFile.read(file, 2);

    assertThat(requests).hasSize(2);
    assertThat(requests.getFirst().inputTokens()).isEqualTo(1500);
    assertThat(requests.getFirst().outputTokens()).isEqualTo(500);
    assertThat(requests.getLast().timestampMillis()).isEqualTo(27_000);
    assertThat(TraceFile.read(file, 100)).hasSize(3);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[1] | line 1: it must be a JSON object",
        "{\"timestamp\": 0, \"input_length\": 5} | output_length are needed",
        "{\"timestamp\": 0, \"input_length\": 0, \"output_length\": 1} | input_length (1 or more)",
        "{\"input_length\": -5} | input_length is -5",
        "{\"input_length\": \"x\"} | input_length is x",
        "{\"input_length\": 1e300} | input_length is 1e300",
        "{\"hash_ids\": 7} | hash_ids must be an array",
        "{\"hash_ids\": [1, -1]} | hash_ids is -1",
        "{\"timestamp\": 0 | line 1: ",
        "'' | it has no requests"
      })
  void namesWhatIsNotOfTheFormat(String line, String named) throws IOException {
    Path file = file(line + "\n");

    assertThatThrownBy(() -> TraceFile.read(file, 10))
        .isInstanceOf(CommandException.class)
        .hasMessageStartingWith("--trace " + file)
        .hasMessageContaining(named);
  }

  @Test
  void pagesAreSharedWhereAllTokensUpToTheirEndAreTheSame() {
    TraceRequest first = new TraceRequest(0, 1060, 1, 7, 8, 9);
    TraceRequest second = new TraceRequest(0, 1500, 1, 7, 8, 10);

    long[] firstKeys = first.pageKeys(16, 1);
    long[] secondKeys = second.pageKeys(16, 1);

    // 1,024 tokens in common are 64 pages; the last page of each is not full.
    assertThat(firstKeys).hasSize(67);
    assertThat(secondKeys).hasSize(94);
    for (int page = 0; page < 66; page++) {
      assertThat(firstKeys[page] == secondKeys[page]).as("page %d", page).isEqualTo(page < 64);
    }
    assertThat(firstKeys[66]).isEqualTo(PagePool.NO_KEY);
    assertThat(secondKeys[93]).isEqualTo(PagePool.NO_KEY);
    assertThat(firstKeys).doesNotHaveDuplicates();
  }

  @Test
  void scaledTokensKeepWhatIsShared() {
    TraceRequest first = new TraceRequest(0, 4096, 1, 1, 2, 3, 4, 5, 6, 7, 8);
    TraceRequest second = new TraceRequest(0, 4096, 1, 1, 2, 3, 4, 5, 60, 70, 80);

    // A page stands for 800 tokens; 2,560 are in common.
    long[] firstKeys = first.pageKeys(16, 50);
    long[] secondKeys = second.pageKeys(16, 50);

    assertThat(first.pages(16, 50)).isEqualTo(6);
    assertThat(firstKeys).hasSize(6);
    assertThat(List.of(firstKeys[0], firstKeys[1], firstKeys[2]))
        .containsExactly(secondKeys[0], secondKeys[1], secondKeys[2]);
    assertThat(firstKeys[3]).isNotEqualTo(secondKeys[3]);
    assertThat(firstKeys[5]).isEqualTo(PagePool.NO_KEY);
  }

  @Test
  void aPromptWithFewerNumbersThanTokensSharesWhatIsNumbered() {
    long[] keys = new TraceRequest(0, 2048, 1, 3).pageKeys(512, 1);

    assertThat(keys).containsExactly(3L << 32, -1, -1, -1);
  }
}
