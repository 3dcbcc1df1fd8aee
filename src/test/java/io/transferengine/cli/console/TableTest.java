// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.logging.Printable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a table shows of strangers' texts. */
@Timeout(60)
class TableTest {
  /** The command sees exported packages only, so it has the rule once more. */
  @Test
  void itLeavesOutWhatTheLogLeavesOut() {
    for (int point = 0; point <= Character.MAX_CODE_POINT; point++) {
      String text = "a" + Character.toString(point) + "b";
      if (!Table.printable(text).equals(Printable.of(text, text.length()))) {
        assertThat(Table.printable(text)).as("U+%04x", point).isEqualTo(Printable.of(text, 9));
      }
    }
  }
}
