// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class ConfigurationExceptionTest {
  @Test
  void controlCharactersAndEndlessTextsDoNotReachTheLog() {
    String hostile = "1\nWARN all is well\u001b[2J" + "x".repeat(100_000);
    ConfigurationException e =
        new ConfigurationException("MC_HANDSHAKE_PORT", hostile, hostile, "a port");

    assertThat(e.getMessage())
        .hasSizeLessThan(1000)
        .startsWith("MC_HANDSHAKE_PORT is \"1 WARN all is well [2J")
        .contains("expected a port")
        .doesNotContain("\n", "\u001b");
    assertThat(e.found()).isEqualTo(hostile);
  }

  @Test
  void theCauseIsKept() {
    IllegalStateException cause = new IllegalStateException("x");
    ConfigurationException e = new ConfigurationException("V", "f", "broken", "a file", cause);

    assertThat(e).hasCause(cause).hasMessageStartingWith("V is \"f\": broken; expected a file. ");
    assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
  }
}
