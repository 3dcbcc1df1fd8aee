// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.console.CommandException;
import io.transferengine.transfer.Operation;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The presets against figures computed by hand from the models' published shapes. */
@Timeout(60)
class PresetTest {
  private static PresetWorkload.Plan plan(Preset preset, int tokens, int threads) {
    return new PresetWorkload.Plan(preset, 16, List.of(tokens), List.of(Operation.WRITE), threads);
  }

  @ParameterizedTest
  @CsvSource({
    // label, bytes of a token, bytes of a block of 16, blocks of 1,024, 6,912 and 27,376 tokens
    "llama3-8b, 131072, 32768, 4096, 27648, 109504",
    "llama3-70b-tp8, 40960, 4096, 10240, 69120, 273760",
    "deepseek-v3-fp8, 35136, 9216, 3904, 26352, 104371"
  })
  void hasTheShapeOfTheModel(
      String label, long tokenBytes, long blockBytes, long small, long median, long large) {
    Preset preset = new Preset.Converter().convert(label);

    assertThat(preset.regions() * preset.blockBytes(1)).isEqualTo(tokenBytes);
    assertThat(preset.blockBytes(16)).isEqualTo(blockBytes);
    assertThat(blocks(preset, 1024)).isEqualTo(small);
    assertThat(blocks(preset, 6912)).isEqualTo(median);
    assertThat(blocks(preset, 27_376)).isEqualTo(large);
    assertThat(blocks(preset, 6912) * blockBytes).isEqualTo(6912 * tokenBytes);
  }

  private static long blocks(Preset preset, int tokens) {
    return (long) plan(preset, tokens, 1).pages(tokens) * preset.regions();
  }

  @Test
  void eachThreadHasPagesOfItsOwn() {
    assertThat(plan(Preset.LLAMA3_8B, 17, 3).pagesNeeded()).isEqualTo(6);
  }

  @Test
  void moreBlocksThanABatchCanHaveAreRefused() {
    assertThatThrownBy(() -> plan(Preset.LLAMA3_70B_TP8, 131_072, 1))
        .isInstanceOf(CommandException.class)
        .hasMessageContaining("--tokens 131072")
        .hasMessageContaining("1310720 blocks");
  }
}
