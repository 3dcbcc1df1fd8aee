// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.Cuda;
import io.transferengine.device.CallPlan;
import io.transferengine.device.Device;
import io.transferengine.device.Devices;
import io.transferengine.device.SharedAllocation;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.device.SimulatedIpc;
import io.transferengine.memory.MemoryKind;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is open of a peer's devices: how much, and until when. */
@Timeout(60)
@SuppressWarnings("restricted") // looks into the area as a peer does that has mapped it
class PeerImportsTest {
  private static final int BYTES = 4096;

  @TempDir static Path folder;

  private final SimulatedDevices ours =
      new SimulatedDevices(1, 1, 4 * BYTES, SimulatedIpc.in(folder));
  private final SimulatedDevices theirs =
      new SimulatedDevices(2, 1, 4 * BYTES, SimulatedIpc.in(folder));
  private final Devices ourDevices = new Devices(() -> ours);
  private final Devices theirDevices = new Devices(() -> theirs);
  private final Device device = ourDevices.of(MemoryKind.at("cuda:0"));
  private final Area area = new Area(1);
  private final PeerMap map =
      new PeerMap(
          MemorySegment.ofAddress(area.address()).reinterpret(AreaLayout.BYTES), area.address());
  private final long word = area.address() + AreaLayout.importsAt(0);
  private final ImportRoom room = new ImportRoom(2);
  private final AtomicInteger woken = new AtomicInteger();
  private final PeerImports imports =
      new PeerImports(map, room, new EngineMetrics(), woken::incrementAndGet);

  @AfterEach
  void close() {
    imports.end();
    assertThat(room.taken()).isZero();
    ourDevices.close();
    theirDevices.close();
    assertThat(ours.open()).isEmpty();
    ours.close();
    theirs.close();
    area.unmap();
  }

  private SharedAllocation shared() {
    return theirDevices.of(MemoryKind.at("cuda:0")).share(theirs.memory(0, BYTES), BYTES);
  }

  private PeerImports.Import acquire(SharedAllocation shared) {
    // No entry has that number, so it is gone when another gate is open.
    return imports.acquire(device, shared, 99, word, new Gate(map.word(AreaLayout.GATE_AT)));
  }

  private boolean isWaitedFor() {
    return area.passed(0, area.openGate() - 1, true) != Area.Passed.NOTHING;
  }

  @Test
  void theOneUnusedForLongestMakesRoom() {
    SharedAllocation first = shared();
    SharedAllocation second = shared();
    SharedAllocation third = shared();
    imports.release(acquire(first));
    imports.release(acquire(second));
    imports.release(acquire(first));
    PeerImports.Import used = acquire(third);
    assertThat(ours.opened()).isEqualTo(2);
    imports.release(acquire(first));
    assertThat(ours.plan().calls("cuIpcOpenMemHandle_v2")).isEqualTo(3);
    PeerImports.Import alsoUsed = acquire(first);
    assertThatThrownBy(() -> acquire(second)).hasMessageContaining("as many allocations are open");
    imports.release(used);
    imports.release(alsoUsed);
    assertThat(woken).hasValue(1);
  }

  @Test
  void whoTakesMemoryBackWaitsUntilItIsClosed() {
    assertThat(isWaitedFor()).isFalse();
    PeerImports.Import used = acquire(shared());
    assertThat(isWaitedFor()).isFalse();
    area.next();
    assertThat(isWaitedFor()).isTrue();
    imports.look();
    assertThat(isWaitedFor()).as("while it is used").isTrue();
    imports.release(used);
    ours.plan().fail("cuIpcCloseMemHandle", 0, Cuda.CUDA_ERROR_UNKNOWN());
    imports.look();
    assertThat(isWaitedFor()).as("while it cannot be closed").isTrue();
    imports.look();
    assertThat(isWaitedFor()).isFalse();
    assertThat(imports.count()).isZero();
  }

  @Test
  void whatCannotBeOpenedLeavesNothing() {
    SharedAllocation shared = shared();
    ours.plan().fail("cuIpcOpenMemHandle_v2", 0, CallPlan.FULL_HEAP);
    assertThatThrownBy(() -> acquire(shared)).isInstanceOf(OutOfMemoryError.class);
    ours.plan().fail("cuIpcOpenMemHandle_v2", 0, Cuda.CUDA_ERROR_MAP_FAILED());
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> acquire(shared)).isInstanceOf(TransferException.class);
    }
    area.next();
    assertThat(isWaitedFor()).isFalse();
    assertThat(room.taken()).isZero();
    // For a minute it is not tried again.
    assertThat(ours.plan().calls("cuIpcOpenMemHandle_v2")).isEqualTo(2);
    imports.release(acquire(shared()));
  }

  @Test
  void whatIsUsedAtTheEndIsClosedBehindIt() {
    PeerImports.Import used = acquire(shared());
    imports.end();
    assertThat(ours.opened()).isOne();
    imports.release(used);
    assertThat(ours.opened()).isZero();
  }
}
