// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Text of strangers in one line. */
@Timeout(60)
class PrintableTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "\n", "\r\n", "\u001b", "\u007f", "\u0085", "\u009b", "\u2028", "\u2029", "\u202e"
      })
  void whatEndsALineOrSteersATerminalIsASpace(String text) {
    assertThat(Printable.of("a" + text + "[31mb", 100)).isEqualTo("a [31mb");
  }

  @Test
  void textOfAllPeoplesIsLeft() {
    assertThat(Printable.of("h\u00e9\u65e5\ud83d\ude00", 100))
        .isEqualTo("h\u00e9\u65e5\ud83d\ude00");
  }

  @Test
  void longTextIsCutAndNeverIntoHalfACharacter() {
    assertThat(Printable.of("abc", 3)).isEqualTo("abc");
    assertThat(Printable.of("abcd", 3)).isEqualTo("abc...");
    assertThat(Printable.of("ab\ud83d\ude00", 3)).isEqualTo("ab ...");
  }
}
