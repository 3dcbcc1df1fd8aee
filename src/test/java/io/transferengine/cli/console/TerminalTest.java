// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TerminalTest {
  @Test
  void coloursNeedATerminalAndNobodyAgainstThem() {
    assertThat(new Terminal(true, true, true).good("verified"))
        .isEqualTo("\u001b[32mverified\u001b[0m");
    assertThat(new Terminal(true, true, true).bad("FAILED")).isEqualTo("\u001b[31mFAILED\u001b[0m");
    assertThat(new Terminal(false, true, true).good("verified")).isEqualTo("verified");
    assertThat(new Terminal(true, false, true).bad("FAILED")).isEqualTo("FAILED");
    assertThat(new Terminal(false, true, true).heading("what")).isEqualTo("what");
  }

  @Test
  void sizesAreReadAndWritten() throws Exception {
    Units.SizeConverter converter = new Units.SizeConverter();

    assertThat(converter.convert("4096")).isEqualTo(4096);
    assertThat(converter.convert("4K")).isEqualTo(4096);
    assertThat(converter.convert("16MiB")).isEqualTo(16 << 20);
    assertThat(converter.convert("2g")).isEqualTo(2L << 30);
    assertThat(Units.size(4096)).isEqualTo("4 KiB");
    assertThat(Units.size(1_572_864)).isEqualTo("1.5 MiB");
    assertThat(Units.gbPerSecond(3_000_000_000L, 2)).isEqualTo(1.5);
  }
}
