// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How many reads of the socket a stream of requests takes. */
@Timeout(60)
class TargetReadsTest {
  private static final int LARGE = 256 << 10;
  private static final int RANGES = 1024;

  @Test
  void theTableOfAVectoredRequestBehindALargeBodyTakesOneRead() {
    try (FedTarget target = new FedTarget(LARGE)) {
      int alone = target.feed(vector(target));
      assertThat(target.answers()).hasSize(8 + RANGES * 16);
      // Header, body: each has a read of its own.
      assertThat(target.feed(largeWrite(target))).isLessThanOrEqualTo(3);
      assertThat(target.answers()).hasSize(8);
      // One more than else: its header was read alone, since it might have been a body's.
      assertThat(target.feed(vector(target))).isLessThanOrEqualTo(alone + 1);
      assertThat(target.answers()).hasSize(8 + RANGES * 16);
    }
  }

  private static byte[] vector(FedTarget target) {
    byte[] frame = new byte[24 + 16 * RANGES];
    ByteBuffer table = RequestBytes.header(frame, 16L * RANGES, RANGES, 0xe0);
    for (int i = 0; i < RANGES; i++) {
      table.putLong(target.address() + 32L * i).putLong(16);
    }
    return frame;
  }

  private static byte[] largeWrite(FedTarget target) {
    byte[] frame = new byte[24 + LARGE];
    RequestBytes.header(frame, LARGE, target.address(), 0x81);
    return frame;
  }
}
