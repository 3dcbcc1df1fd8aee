// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ReservedMemoryTest {
  /** An engine closes a page at each unregistration, and none of them is used again. */
  @Test
  void aPartThatIsClosedTakesNoMemoryAnyMore() {
    int page = ReservedMemory.pageBytes();
    ReservedMemory reserved = ReservedMemory.ofBytes(2L * page);
    try {
      reserved.open(0, 2L * page);
      reserved.memory().fill((byte) 7);
      reserved.close(0, page);
      reserved.open(0, page);
      assertThat(reserved.memory().get(ValueLayout.JAVA_BYTE, 0)).isZero();
      assertThat(reserved.memory().get(ValueLayout.JAVA_BYTE, page)).isEqualTo((byte) 7);
    } finally {
      reserved.unmap();
    }
  }
}
