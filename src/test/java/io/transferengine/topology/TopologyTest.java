// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.ErrorCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
final class TopologyTest {
  @TempDir Path folder;

  @Test
  void noDevicesGiveAnEmptyMatrix() {
    assertThat(Topology.none().toJson()).isEqualTo("{}");
    assertThat(Topology.none().matrix()).isEmpty();
  }

  @Test
  void aFileIsReadAndWrittenCompactlyWithSortedKeys() throws IOException {
    Topology topology =
        read(
            """
            {
              "cuda:0": [["mlx5_1", "mlx5_0"], []],
              "cpu:1" : [[], ["mlx5_2"]],
              "cpu:0" : [["mlx5_0"], ["mlx5_1"]]
            }
            """);

    assertThat(topology.toJson())
        .isEqualTo(
            "{\"cpu:0\":[[\"mlx5_0\"],[\"mlx5_1\"]],\"cpu:1\":[[],[\"mlx5_2\"]],"
                + "\"cuda:0\":[[\"mlx5_1\",\"mlx5_0\"],[]]}");
    assertThat(topology.matrix().get("cuda:0"))
        .isEqualTo(new DevicePreference(List.of("mlx5_1", "mlx5_0"), List.of()));
    assertThat(read(topology.toJson())).isEqualTo(topology).hasSameHashCodeAs(topology);
  }

  @Test
  void keysAreSortedByTheirBytes() {
    DevicePreference none = new DevicePreference(List.of(), List.of());
    // U+FF5E comes first in UTF-8, U+1F600 (a surrogate pair) first in UTF-16.
    Topology topology =
        new Topology(Map.of("\uD83D\uDE00", none, "\uFF5E", none, "Z", none, "a", none));

    assertThat(topology.matrix().keySet()).containsExactly("Z", "a", "\uFF5E", "\uD83D\uDE00");
  }

  @Test
  void theMatrixCannotBeChanged() {
    assertThatThrownBy(() -> Topology.none().matrix().clear())
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void anEmptyObjectIsAnEmptyMatrix() throws IOException {
    assertThat(read(" {} ")).isEqualTo(Topology.none());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "``; outermost value is not an object",
        "[]; outermost value is not an object",
        "null; outermost value is not an object",
        "{; malformed JSON in line 1",
        "{\"a\":[[\"x\"],[]]; malformed JSON",
        "{\"a\":[[\"x],[]]}; malformed JSON",
        "{\"a\":[[],[]],}; malformed JSON",
        "{a:[[],[]]}; malformed JSON",
        "{\"a\":[[],[]]} x; malformed JSON",
        "{\"a\":[[],[]]} {}; something follows",
        "{\"a\":[[],[]],\"a\":[[],[]]}; Duplicate",
        "{\"a\":1}; value of \"a\" is not an array",
        "{\"a\":{}}; value of \"a\" is not an array",
        "{\"a\":null}; value of \"a\" is not an array",
        "{\"a\":[]}; fewer than two",
        "{\"a\":[[]]}; fewer than two",
        "{\"a\":[[],[],[]]}; more than two",
        "{\"a\":[[],\"x\"]}; other than arrays",
        "{\"a\":[\"x\",[]]}; other than arrays",
        "{\"a\":[[1],[]]}; non-empty string",
        "{\"a\":[[],[null]]}; non-empty string",
        "{\"a\":[[],[[]]]}; non-empty string",
        "{\"a\":[[\"\"],[]]}; non-empty string",
        "{\"a\\nforged\":1}; value of \"a forged\" is not an array",
      })
  void anotherShapeIsAnErrorThatSaysWhichPlaceIsWrong(String text, String problem) {
    assertRefused(() -> read(text), problem);
  }

  @Test
  void deepNestingIsRefusedWithoutFollowingIt() {
    assertRefused(() -> read("[".repeat(500_000)), "not an object");
    assertRefused(() -> read("{\"a\":" + "[".repeat(500_000)), "non-empty string");
  }

  @Test
  void whatIsNotAFileOfTextIsRefused() throws Exception {
    Path absent = folder.resolve("topology.json");
    assertRefused(() -> Topology.fromCustomFile(absent), "no such file");
    assertRefused(() -> Topology.fromCustomFile(folder.resolve("a").resolve("b")), "no such file");
    assertRefused(() -> Topology.fromCustomFile(folder), "not a regular file");
    assertRefused(() -> Topology.fromCustomFile(Path.of("/dev/zero")), "not a regular file");
    Files.write(absent, new byte[] {'{', (byte) 0xff, '}'});
    assertRefused(() -> Topology.fromCustomFile(absent), "not UTF-8");
  }

  @Test
  void aFifoIsRefusedRatherThanWaitedFor() throws Exception {
    Path fifo = folder.resolve("topology.json");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    assertRefused(() -> Topology.fromCustomFile(fifo), "not a regular file");
  }

  @Test
  void theSizeLimitIsExact() throws IOException {
    String padding = " ".repeat((1 << 20) - 2);
    assertThat(read("{}" + padding)).isEqualTo(Topology.none());
    assertRefused(() -> read("{} " + padding), "larger than 1048576 bytes");
  }

  private Topology read(String text) throws IOException {
    Path file = folder.resolve("topology.json");
    Files.write(file, text.getBytes(StandardCharsets.UTF_8));
    return Topology.fromCustomFile(file);
  }

  private void assertRefused(ThrowingCallable call, String problem) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            ConfigurationException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
              assertThat(e.variable()).isEqualTo("MC_CUSTOM_TOPO_JSON");
              assertThat(e.getMessage())
                  .startsWith("MC_CUSTOM_TOPO_JSON is \"" + e.found() + "\": ")
                  .contains(problem, "expected a JSON file of at most 1 MiB")
                  .doesNotContain("\n")
                  .hasSizeLessThan(2_000);
            });
  }
}
