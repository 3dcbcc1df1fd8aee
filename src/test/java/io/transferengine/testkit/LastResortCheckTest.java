// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LastResortCheckTest {
  @Test
  void looksAfterEveryTest() {
    assertThat(LastResortCheck.isRegistered()).isTrue();
  }

  @Test
  void failsForWhatAnotherProcessSaysAndOnlyOnce() {
    LastResortCheck.look("12:00 WARN  a line like any other");
    assertThatCode(LastResortCheck::check).doesNotThrowAnyException();
    String line =
        "12:00 ERROR LastResort - X is not settled: a mistake in the engine, please report it";
    LastResortCheck.look(line);
    assertThatThrownBy(LastResortCheck::check)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining(line);
    assertThatCode(LastResortCheck::check).doesNotThrowAnyException();
  }
}
