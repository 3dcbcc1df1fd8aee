// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LocalMemoryTest {
  @Test
  void deviceMemoryIsRefusedToTheProcessor() {
    LocalMemory memory = new LocalMemory(1 << 20, new IdleUsers());
    // Not mapped: to read it would end the JVM.
    long address = 0x10_0000_0000L;
    var _ = memory.register(address, 4096, "cuda:0");
    assertThatThrownBy(() -> memory.access(address, 1, () -> "read"))
        .isInstanceOfSatisfying(
            TransferException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT))
        .hasMessageContainingAll("device memory", "0x1000000000");
    assertThat(memory.regions().inOrder()).allMatch(region -> region.inFlight() == 0);
    memory.unregister(address);
  }
}
