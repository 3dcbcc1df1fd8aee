// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class MemoryKindTest {
  @ParameterizedTest
  @ValueSource(strings = {"*", "cpu:0", "cpu:63", "cpu:2147483647"})
  void hostMemoryIsOneKindWhereverItIs(String location) {
    assertThat(MemoryKind.at(location)).isSameAs(MemoryKind.host());
    assertThat(MemoryKind.published(location)).contains(MemoryKind.host());
    assertThat(MemoryKind.at(location).isHost()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"cuda:0,cuda,0", "cuda:15,cuda,15", "hip:1,hip,1", "musa:2,musa,2", "npu:3,npu,3"})
  void deviceMemoryIsAKindForEachDevice(String location, String type, int ordinal) {
    var device = new MemoryKind.Device(type, ordinal);
    assertThat(MemoryKind.at(location)).isEqualTo(device);
    assertThat(MemoryKind.published(location)).contains(device);
    assertThat(device.location()).isEqualTo(location);
    assertThat(device.isHost()).isFalse();
    assertThat(device).asString().contains("device memory", location);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|begins with none of",
        "the moon|begins with none of cpu:, cuda:, hip:, maca:, musa:, npu:",
        "cuda|begins with none of",
        "CUDA:0|begins with none of",
        "cdua:0|begins with none of",
        ":0|begins with none of",
        "cpu:|after 'cpu:' there must be a number from 0",
        "cuda:x|after 'cuda:' there must be a number",
        "cuda:-1|after 'cuda:' there must be a number",
        "cuda:+1|after 'cuda:' there must be a number",
        "cuda:1:2|after 'cuda:' there must be a number",
        "cuda:\u0661|after 'cuda:' there must be a number",
        "cpu:2147483648|from 0 to 2147483647",
        "cpu:99999999999999999999|from 0 to 2147483647",
      })
  void aBadLocationIsRefusedWithWhatIsWrong(String location, String wrong) {
    assertThatThrownBy(() -> MemoryKind.at(location))
        .isInstanceOfSatisfying(
            TransferException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT))
        .hasMessageContainingAll("'" + location + "'", wrong, "Give '*' or 'cpu:N'");
  }

  /** C++ peers publish these, or publish the name of their server in the same place. */
  @ParameterizedTest
  @ValueSource(
      strings = {"", "segments:4096:0,1", "node7:12345", "10.0.0.1:15000", "cuda", "xpu:0"})
  void whatAPeerPublishesIsNeverAnError(String location) {
    assertThat(MemoryKind.published(location)).isEmpty();
  }

  @Test
  void whatAPeerSaysOfItsNodesIsHostMemory() {
    assertThat(MemoryKind.published("cpu:whatever")).contains(MemoryKind.host());
  }
}
