// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class TerminalTest {
  private static Terminal terminal(boolean colourWelcome, boolean outputIsTerminal) {
    return new Terminal(colourWelcome, outputIsTerminal, true, 80);
  }

  @Test
  void coloursNeedATerminalAndNobodyAgainstThem() {
    assertThat(terminal(true, true).good("verified")).isEqualTo("\u001b[32mverified\u001b[0m");
    assertThat(terminal(true, true).bad("FAILED")).isEqualTo("\u001b[31mFAILED\u001b[0m");
    assertThat(terminal(false, true).good("verified")).isEqualTo("verified");
    assertThat(terminal(true, false).bad("FAILED")).isEqualTo("FAILED");
    assertThat(terminal(false, true).heading("what")).isEqualTo("what");
  }

  private static String printed(Consumer<Terminal> prints) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream real = System.out;
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      prints.accept(new Terminal(false, true, true, 30));
    } finally {
      System.setOut(real);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aParagraphIsWrappedAtTheTerminal() {
    assertThat(printed(terminal -> terminal.paragraph("one two three four five six seven eight")))
        .isEqualTo(
            """
            one two three four five six
            seven eight
            """);
    assertThat(printed(terminal -> terminal.paragraph(""))).isEqualTo("\n");
  }

  /** Also a text that a stranger chose, with what would begin another line. */
  @Test
  void aTableWrapsItsLastColumnAtTheTerminal() {
    Table table = new Table().left("what").left("finding");
    table.row(List.of("a\nb", "one two three four five six seven eight nine ten"));
    assertThat(printed(table::print))
        .isEqualTo(
            """
            what  finding
            a b   one two three four five
                  six seven eight nine ten
            """);
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
