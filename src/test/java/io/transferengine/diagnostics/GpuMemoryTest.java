// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.Cuda;
import io.transferengine.device.CallPlan;
import io.transferengine.device.Devices;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What measures transfers looks at memory of GPUs through a view. */
@Timeout(60)
class GpuMemoryTest {
  private static final long BYTES = 2L * GpuMemory.VIEW_BYTES + 12_345;

  private final SimulatedDevices driver = new SimulatedDevices(7, 1, 2 * BYTES);

  private GpuMemory memory(long bytes) {
    return new GpuMemory(new Devices(() -> driver), 0, bytes);
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(driver.open()).isEmpty();
    driver.close();
  }

  @Test
  void rangesAreShownAndReplaced() {
    try (GpuMemory memory = memory(BYTES)) {
      assertThat(driver.peek(memory.address(), (int) BYTES)).isEqualTo(new byte[(int) BYTES]);
      memory.add(1, 3).fill((byte) 7);
      memory.add(BYTES - 2, 2).fill((byte) 9);
      memory.store();
      assertThat(driver.peek(memory.address(), 5)).containsExactly(0, 7, 7, 7, 0);
      driver.poke(memory.address() + 2, new byte[] {5});
      MemorySegment _ = memory.add(BYTES - 1, 1);
      MemorySegment _ = memory.add(1, 3);
      assertThat(memory.load().toArray(ValueLayout.JAVA_BYTE)).containsExactly(9, 7, 5, 7);
      memory.clear();
      assertThat(memory.hasRoom(GpuMemory.VIEW_BYTES)).isTrue();
      assertThat(memory.hasRoom(GpuMemory.VIEW_BYTES + 1L)).isFalse();
      assertThatThrownBy(() -> memory.add(BYTES, 1)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  /** Whichever call fails, what was taken is given back. */
  @Test
  void eachCallMayFail() {
    for (String call :
        List.of(
            "cuDevicePrimaryCtxRetain",
            "cuMemHostRegister_v2",
            "cuMemAlloc_v2",
            "cuMemcpyHtoDAsync_v2",
            "cuLaunchKernel",
            "cuEventRecord")) {
      for (int code : new int[] {Cuda.CUDA_ERROR_NOT_SUPPORTED(), CallPlan.FULL_HEAP}) {
        driver.plan().fail(call, 0, code);
        try (GpuMemory memory = memory(1000)) {
          assertThat(memory.address()).isPositive();
        } catch (TransferException | OutOfMemoryError expected) {
          assertThat(expected).isNotNull();
        }
        driver.plan().heal();
        assertThat(driver.open()).as("%s %d", call, code).isEmpty();
      }
    }
  }
}
