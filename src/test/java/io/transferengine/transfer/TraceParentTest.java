// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** W3C's {@code traceparent}. */
@Timeout(60)
class TraceParentTest {
  private static final String TEXT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  @Test
  void itsPartsAreRead() {
    TraceParent parent = TraceParent.of(TEXT);
    assertThat(parent.traceId()).isEqualTo("4bf92f3577b34da6a3ce929d0e0e4736");
    assertThat(parent.spanId()).isEqualTo("00f067aa0ba902b7");
    assertThat(parent.isSampled()).isTrue();
    assertThat(parent).hasToString(TEXT).isEqualTo(TraceParent.find(TEXT).orElseThrow());
    assertThat(TEXT).hasSize(TraceParent.LENGTH);
    assertThat(TraceParent.of(TEXT.replace("-01", "-f0")).isSampled()).isFalse();
    // Of a later version, which has not more behind it.
    assertThat(TraceParent.find("cc" + TEXT.substring(2))).isPresent();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7\n01",
        "00-4bf92f3577b34da6a3ce929d0e0e473\uff16-00f067aa0ba902b7-01"
      })
  void anythingElseIsNone(String text) {
    assertThat(TraceParent.find(text)).isEmpty();
    assertThatThrownBy(() -> TraceParent.of(text))
        .isInstanceOfSatisfying(
            TransferException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT));
  }
}
