// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.diagnostics.EngineCounters;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.Operation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code TE_COUNTERS}: figures that are read from outside. */
@Timeout(120)
class EngineCountersTest {
  private static final int BYTES = 1 << 20;
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir private Path folder = Path.of("");

  private static EngineCounters only(Path folder) throws IOException {
    List<Path> files = EngineCounters.files(folder);
    assertThat(files).hasSize(1);
    return EngineCounters.read(files.getFirst());
  }

  @Test
  void anEngineKeepsItsFiguresInAFileUntilItIsClosed() throws IOException {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    try (TestEngine here = new TestEngine(BYTES, b -> b.counters(folder.toString()));
        TestEngine there = new TestEngine(BYTES, b -> b.counters("off"))) {
      EngineCounters atOnce = only(folder);
      assertThat(atOnce.segmentName()).isEqualTo(here.engine.segmentName());
      assertThat(atOnce.pid()).isEqualTo((int) ProcessHandle.current().pid());
      assertThat(atOnce.state()).isEqualTo(EngineCounters.State.RUNS);
      assertThat(atOnce.transports()).contains("tcp");
      assertThat(atOnce.metrics().get(Counter.TRANSFERS_SUBMITTED)).isZero();
      TestEngine.serves(there, here);
      TestEngine.assertFailed(
          here.submit(
              Operation.READ, there.engine.segmentName(), there.address() + 2L * BYTES, 100));
      await()
          .atMost(LIMIT)
          .untilAsserted(
              () ->
                  assertThat(only(folder).metrics().counters())
                      .isEqualTo(here.engine.metrics().counters()));
      EngineCounters later = only(folder);
      assertThat(later.metrics().failures()).isEqualTo(here.engine.metrics().failures());
      assertThat(later.metrics().get(FailureCause.REMOTE_REFUSED)).isEqualTo(1);
      assertThat(later.metrics().peers()).isEqualTo(here.engine.metrics().peers());
      assertThat(later.metrics().latency()).isEqualTo(here.engine.metrics().latency());
      assertThat(later.metrics().get(Gauge.REGISTERED_BYTES_HOST)).isEqualTo(BYTES);
      assertThat(later.writtenNanos()).isGreaterThan(atOnce.writtenNanos());
      assertThat(later.opened()).isEqualTo(atOnce.opened());
      assertThat(later.written()).isAfterOrEqualTo(later.opened());
    }
    assertThat(EngineCounters.files(folder)).isEmpty();
  }

  @Test
  void anEngineOpensThoughItCannotKeepAFile() {
    try (TestEngine here = new TestEngine(BYTES, b -> b.counters("/proc/no/such"))) {
      assertThat(here.engine.segmentName()).isNotEmpty();
    }
  }

  @Test
  void figuresOutliveAKilledProcess() throws IOException {
    int pid;
    try (PeerProcess _ =
        PeerProcess.initialized(Map.of("TE_COUNTERS", folder.resolve("te").toString()))) {
      EngineCounters living = only(folder.resolve("te"));
      assertThat(living.state()).isEqualTo(EngineCounters.State.RUNS);
      pid = living.pid();
    }
    // It is killed when it is closed.
    await()
        .atMost(LIMIT)
        .until(() -> only(folder.resolve("te")).state() == EngineCounters.State.GONE);
    assertThat(only(folder.resolve("te")).pid()).isEqualTo(pid);
  }
}
