// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.memory.Region;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A peer asks for registered memory that the processor must not touch: to do so ends the JVM. */
@Timeout(60)
class TargetDeviceMemoryTest {
  /** Nothing is mapped there. */
  private static final long ADDRESS = 0x10_0000_0000L;

  private static final int SIZE = 16;

  private static void assertRefused(FedTarget target, Region device, byte[] request) {
    target.feed(request);
    byte[] answer = target.answers();
    assertThat(answer).hasSize(8);
    assertThat(ByteBuffer.wrap(answer).order(ByteOrder.LITTLE_ENDIAN).getInt()).isNotZero();
    assertThat(device.inFlight()).isZero();
    assertThat(target.region.inFlight()).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {0x80, 0x81})
  void aRequestForItIsRefused(int opcode) {
    try (FedTarget target = new FedTarget(4096)) {
      Region device = target.regions.register(ADDRESS, 4096, "cuda:0");
      byte[] request = new byte[24 + (opcode & 1) * SIZE];
      var _ = RequestBytes.header(request, SIZE, ADDRESS, opcode);
      assertRefused(target, device, request);
    }
  }

  @Test
  void aTableWithOneRangeOfItIsRefused() {
    try (FedTarget target = new FedTarget(4096)) {
      Region device = target.regions.register(ADDRESS, 4096, "cuda:0");
      byte[] request = new byte[24 + 2 * 16];
      RequestBytes.header(request, 2 * SIZE, 2, 0xe0)
          .putLong(target.address())
          .putLong(SIZE)
          .putLong(ADDRESS)
          .putLong(SIZE);
      assertRefused(target, device, request);
    }
  }
}
