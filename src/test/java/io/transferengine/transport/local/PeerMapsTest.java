// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.HostDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Mappings of engines of this process. */
@Timeout(60)
class PeerMapsTest {
  private static final long NUMBER = 0xabcdef;

  private final LinuxProcesses processes = new LinuxProcesses();
  private final Area area = new Area(NUMBER);
  private final HostDescriptor host =
      new HostDescriptor(
          "boot", 1, processes.own(), processes.startOf(processes.own()), area.address());
  private final PeerMaps maps =
      new PeerMaps(
          new PeerAreas(
              new FfmProcessMemory(),
              processes,
              processes
                  .memfd(processes.own(), area.address(), AreaLayout.BYTES, AreaLayout.name(NUMBER))
                  .orElseThrow()
                  .device()),
          processes,
          new EngineMetrics(),
          this::isOver);
  private final List<PeerMap> over = new CopyOnWriteArrayList<>();
  private volatile boolean isFull;
  private boolean unmapped;

  private void isOver(PeerMap map) {
    if (isFull) {
      throw new OutOfMemoryError("of this test");
    }
    over.add(map);
  }

  @AfterEach
  void end() {
    maps.end();
    if (!unmapped) {
      area.unmap();
    }
  }

  private static long mappings() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/maps"), ISO_8859_1).stream()
        .filter(line -> line.contains("/memfd:" + AreaLayout.name(NUMBER)))
        .count();
  }

  @Test
  void anAreaIsMappedOnceUnderHoweverManyNames() throws Exception {
    PeerMap map = maps.of("a", host, NUMBER);
    assertThat(maps.of("b", host, NUMBER)).isSameAs(map);
    assertThat(mappings()).isEqualTo(2);
    long slots = area.slots(3);
    map.mark(slots + 8, map.word(AreaLayout.GATE_AT));
    assertThat(area.passed(3, area.openGate())).isEqualTo(Area.Passed.CALLS);
    map.clear(slots + 8);
    assertThat(area.passed(3, area.openGate())).isEqualTo(Area.Passed.NOTHING);
  }

  @Test
  void theMappingOfAnEngineThatHasEndedGoes() throws Exception {
    PeerMap map = maps.of("a", host, NUMBER);
    maps.endThoseOfTheDead();
    assertThat(map.isClosed()).isFalse();
    area.unmap();
    unmapped = true;
    assertThat(map.isThere()).isFalse();
    assertThat(over).isEmpty();
    // Who cannot be told now is told with the next look.
    isFull = true;
    assertThatThrownBy(maps::endThoseOfTheDead).isInstanceOf(OutOfMemoryError.class);
    assertThat(map.isClosed()).isFalse();
    isFull = false;
    maps.endThoseOfTheDead();
    assertThat(over).containsExactly(map);
    maps.endThoseOfTheDead();
    assertThat(over).hasSize(1);
    assertThat(map.isClosed()).isTrue();
    assertThat(mappings()).isZero();
    assertThat(maps.count()).isZero();
    assertThatThrownBy(() -> map.word(0)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void ofAnotherEngineAndAfterTheEndNothingIsMapped() throws Exception {
    assertThatThrownBy(() -> maps.of("a", host, NUMBER + 1)).isInstanceOf(TransferException.class);
    maps.end();
    assertThatThrownBy(() -> maps.of("a", host, NUMBER)).isInstanceOf(TransferException.class);
    assertThat(mappings()).isEqualTo(1);
  }
}
