// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.Cuda;
import io.transferengine.memory.MemoryKind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When the words that streams wait for are used again, and when they go. */
@Timeout(60)
class StreamGatesTest {
  private static final MemoryKind FIRST = MemoryKind.at("cuda:0");

  private final SimulatedDevices driver = new SimulatedDevices(1, 2, 1 << 20);
  private final Devices devices = new Devices(() -> driver);
  private final StreamGates gates = new StreamGates(devices);

  @AfterEach
  void closeAll() {
    driver.letGo();
    gates.close();
    devices.close();
    driver.close();
  }

  private long stream(int device) {
    driver.pushContext(device + 1L);
    try {
      return driver.createStream();
    } finally {
      driver.popContext();
    }
  }

  /** The stream is behind its work of before, which lasts until {@code letGo}. */
  private long busyStream() {
    long stream = stream(0);
    long memory = driver.memory(0, 4096);
    driver.hold();
    driver.pushContext(1);
    driver.fill(memory, (byte) 1, 4096, stream);
    driver.popContext();
    return stream;
  }

  private void awaitStream(long stream) {
    driver.pushContext(1);
    driver.awaitStream(stream);
    driver.popContext();
  }

  @Test
  void aGateIsUsedAgainWhenItsStreamHasGonePastIt() {
    long busy = busyStream();
    long other = stream(0);
    StreamGates.Gate first = gates.close(FIRST, busy);
    first.run();
    StreamGates.Gate second = gates.close(FIRST, other);
    second.run();
    assertThat(second.event()).isNotEqualTo(first.event());
    driver.letGo();
    awaitStream(busy);
    awaitStream(other);
    StreamGates.Gate third = gates.close(FIRST, other);
    third.run();
    assertThat(third.event()).isIn(first.event(), second.event());
  }

  /** Its event is that of an earlier use then, or of none: it would say that all is over. */
  @Test
  void aGateOfWhichNothingIsKnownStays() {
    long stream = stream(0);
    driver.plan().fail("cuEventRecord", 1, Cuda.CUDA_ERROR_UNKNOWN());
    assertThatThrownBy(() -> gates.close(FIRST, stream)).hasMessageContaining("cuEventRecord");
    StreamGates.Gate next = gates.close(FIRST, stream);
    next.run();
    awaitStream(stream);
    gates.close();
    devices.close();
    assertThat(driver.open()).contains("1 pinned ranges");
  }

  @Test
  void aGateThatIsNotOpenStays() {
    StreamGates.Gate gate = gates.close(FIRST, stream(0));
    gates.close();
    devices.close();
    assertThat(driver.open()).contains("1 pinned ranges");
    gate.run();
  }

  /** All devices share the limit. */
  @Test
  void aGateThatOneDeviceDoesNotNeedBecomesAnothers() {
    StreamGates few = new StreamGates(devices, 1);
    long stream = stream(0);
    long other = stream(1);
    for (int i = 0; i < 3; i++) {
      StreamGates.Gate gate = few.close(FIRST, stream);
      assertThatThrownBy(() -> few.close(MemoryKind.at("cuda:1"), other))
          .hasMessageContaining("1 transfers that streams wait for");
      gate.run();
      awaitStream(stream);
      few.close(MemoryKind.at("cuda:1"), other).run();
      awaitStream(other);
    }
    few.close();
    devices.close();
    assertThat(driver.open()).noneMatch(what -> what.contains("events"));
  }

  @Test
  void whatWasRefusedTakesNoGate() {
    long event = 0;
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> gates.close(FIRST, 77)).hasMessageContaining("no stream");
      long stream = stream(0);
      driver.plan().fail("cuStreamWaitValue32_v2", 0, Cuda.CUDA_ERROR_NOT_SUPPORTED());
      assertThatThrownBy(() -> gates.close(FIRST, stream)).hasMessageContaining("WaitValue");
      awaitStream(stream);
      StreamGates.Gate gate = gates.close(FIRST, stream);
      gate.run();
      awaitStream(stream);
      assertThat(gate.event()).isEqualTo(event == 0 ? gate.event() : event);
      event = gate.event();
    }
    gates.close();
    devices.close();
    assertThat(driver.open()).noneMatch(what -> what.contains("pinned"));
  }
}
