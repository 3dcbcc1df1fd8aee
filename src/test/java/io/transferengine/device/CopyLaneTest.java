// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.bindings.Cuda;
import io.transferengine.memory.MemoryKind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * How many copies of a direction are under way. Or else each pays for its start and for being told
 * of, and the link stands still.
 */
@Timeout(120)
class CopyLaneTest {
  private static final int MEMORY = 1000;

  private final SimulatedDevices driver =
      new SimulatedDevices(Long.getLong("seed", System.nanoTime()), 1, MEMORY);
  private final Devices devices = new Devices(() -> driver);

  @AfterEach
  void nothingIsLeft() {
    devices.close();
    assertThat(driver.open()).isEmpty();
    driver.close();
  }

  private static void copy(
      Device device, boolean out, CopyList list, long host, CopyCompletion completion) {
    if (out) {
      device.copyOut(list, host, completion);
    } else {
      device.copyIn(list, host, completion);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void copiesBeginWhileTheFirstIsWaitedFor(boolean out) throws Exception {
    Device device = devices.of(MemoryKind.at("cuda:0"));
    CallPlan plan = driver.plan();
    String copies = out ? "cuMemcpyDtoHAsync_v2" : "cuMemcpyHtoDAsync_v2";
    CopyList list = new CopyList();
    list.add(driver.memory(0, MEMORY), MEMORY);
    try (PinnedSlots slots = new PinnedSlots(device, 1)) {
      long host = slots.take();
      driver.hold();
      List<Integer> told = Collections.synchronizedList(new ArrayList<>());
      int count = CopyLane.DEPTH + 3;
      CompletableFuture<Boolean> last = new CompletableFuture<>();
      for (int i = 0; i < count; i++) {
        int number = i;
        copy(
            device,
            out,
            list,
            host,
            failure -> {
              told.add(failure == null ? number : -1);
              if (number == count - 1) {
                last.complete(true);
              }
            });
        int begun = Math.min(i + 1, CopyLane.DEPTH);
        await().until(() -> plan.calls(copies) == begun);
        await().until(() -> plan.calls("cuEventSynchronize") == 1);
      }
      assertThat(plan.calls(copies)).isEqualTo(CopyLane.DEPTH);
      assertThat(told).isEmpty();
      driver.letGo();
      assertThat(last.get(60, TimeUnit.SECONDS)).isTrue();
      assertThat(told).hasSize(count).isSorted().doesNotContain(-1);
      slots.giveBack(host);
    } finally {
      driver.letGo();
    }
  }

  /** A second try opens the device. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void aThreadWithoutAContextFailsTheOpeningAndNothingElse(int thread) throws Exception {
    MemoryKind kind = MemoryKind.at("cuda:0");
    // Opening the device takes the first.
    driver.plan().fail("cuCtxPushCurrent_v2", 1 + thread, Cuda.CUDA_ERROR_UNKNOWN());
    assertThatThrownBy(() -> devices.of(kind)).hasMessageContaining("cuCtxPushCurrent_v2");
    assertThat(driver.open()).isEmpty();
    Device device = devices.of(kind);
    CopyList list = new CopyList();
    list.add(driver.memory(0, MEMORY), MEMORY);
    try (PinnedSlots slots = new PinnedSlots(device, 1)) {
      long host = slots.take();
      for (boolean out : new boolean[] {true, false}) {
        CompletableFuture<Boolean> told = new CompletableFuture<>();
        copy(device, out, list, host, failure -> told.complete(failure == null));
        assertThat(told.get(60, TimeUnit.SECONDS)).isTrue();
      }
      slots.giveBack(host);
    }
  }
}
