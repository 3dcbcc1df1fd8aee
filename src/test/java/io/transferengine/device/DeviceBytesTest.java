// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.Cuda;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.ErrorCode;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How long arrays' copies use the memory of a device. */
@Timeout(60)
class DeviceBytesTest {
  private static final MemoryKind FIRST = MemoryKind.at("cuda:0");

  private final SimulatedDevices driver = new SimulatedDevices(1, 1, 1 << 20);
  private final Devices devices = new Devices(() -> driver);
  private final DeviceBytes bytes = new DeviceBytes(devices, 1);
  private final AtomicInteger released = new AtomicInteger();

  @AfterEach
  void closeAll() {
    bytes.close();
    devices.close();
    driver.close();
  }

  /** Freed memory that the copy reaches then would cost the process its device. */
  @Test
  void aCopyThatIsLateUsesTheMemoryUntilItsEnd() {
    long memory = driver.memory(0, 4096);
    driver.hold();
    assertThatThrownBy(
            () -> bytes.copyOut(FIRST, memory, new byte[4096], 4096, released::incrementAndGet))
        .hasFieldOrPropertyWithValue("code", ErrorCode.TIMEOUT);
    assertThatThrownBy(
            () -> bytes.copyIn(new byte[4096], FIRST, memory, 4096, released::incrementAndGet))
        .hasFieldOrPropertyWithValue("code", ErrorCode.TIMEOUT);
    assertThat(released).hasValue(0);
    assertThat(bytes.taken()).isEqualTo(2);
    driver.letGo();
    while (released.get() < 2) {
      Thread.onSpinWait();
    }
    assertThat(bytes.taken()).isZero();
  }

  @Test
  void whatWasNotBegunUsesNothing() {
    driver.plan().fail("cuMemHostRegister_v2", 0, Cuda.CUDA_ERROR_UNKNOWN());
    assertThatThrownBy(() -> bytes.copyOut(FIRST, 4096, new byte[1], 1, released::incrementAndGet))
        .hasMessageContaining("cuMemHostRegister_v2");
    assertThatThrownBy(
            () ->
                bytes.copyIn(
                    new byte[1], MemoryKind.at("cuda:9"), 4096, 1, released::incrementAndGet))
        .hasMessageContaining("no device cuda:9");
    assertThat(released).hasValue(2);
    devices.drain();
    assertThatThrownBy(() -> bytes.copyOut(FIRST, 4096, new byte[1], 1, released::incrementAndGet))
        .hasFieldOrPropertyWithValue("code", ErrorCode.CLOSED);
    assertThat(released).hasValue(3);
  }
}
