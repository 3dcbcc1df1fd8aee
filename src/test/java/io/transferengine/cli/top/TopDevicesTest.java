// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.config.Settings;
import io.transferengine.diagnostics.EngineCounters;
import io.transferengine.exposition.CountersFile;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.MetricsSnapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What {@code te top} shows of an engine with memory of devices. */
@Timeout(60)
class TopDevicesTest {
  private static final long MIB = 1 << 20;

  @TempDir private Path folder = Path.of("");

  private static MetricsSnapshot figures(long moved) {
    return MetricsSnapshot.builder()
        .counter(Counter.BYTES_READ, 10 * moved)
        .counter(Counter.BYTES_WRITTEN, 20 * moved)
        .counter(Counter.DEVICE_BYTES_READ, moved)
        .counter(Counter.DEVICE_BYTES_WRITTEN, 2 * moved)
        .counter(Counter.INBOUND_DEVICE_BYTES_READ, 3 * moved)
        .counter(Counter.INBOUND_DEVICE_BYTES_WRITTEN, 4 * moved)
        .counter(Counter.LOCAL_DEVICE_ALLOCATIONS_OPENED, 7)
        .counter(Counter.DEVICE_SLOTS_DRY, 5)
        .gauge(Gauge.REGISTRATIONS, 3)
        .gauge(Gauge.REGISTERED_BYTES_HOST, 5 * MIB)
        .gauge(Gauge.REGISTERED_BYTES_DEVICE, 640 * MIB)
        .gauge(Gauge.MANAGED_DEVICE_BYTES_IN_USE, 3 * MIB)
        .gauge(Gauge.MANAGED_DEVICE_BYTES_RESERVED, 64 * MIB)
        .build();
  }

  /** As an engine wrote it, at two moments. */
  private Sample sample() throws IOException {
    AtomicReference<MetricsSnapshot> now = new AtomicReference<>(figures(MIB));
    Settings settings = Settings.fromMap(Map.of("TE_COUNTERS", folder.resolve("te").toString()));
    try (CountersFile file =
        CountersFile.open(settings, "10.20.30.40:15000", List.of("tcp"), now::get, System::nanoTime)
            .orElseThrow()) {
      EngineCounters before = EngineCounters.read(file.path());
      now.set(figures(900 * MIB));
      file.refreshSoon();
      await()
          .until(
              () ->
                  EngineCounters.read(file.path()).metrics().get(Counter.BYTES_READ)
                      > before.metrics().get(Counter.BYTES_READ));
      return new Sample(EngineCounters.read(file.path()), Optional.of(before));
    }
  }

  private static List<String> lines(Sample sample, int width) {
    return new TopView(width, 24, Order.RATE, Optional.empty(), sample.now().written())
        .lines(List.of(sample), List.of(), List.of());
  }

  @Test
  void itsBytesAreShownBesideThoseOfTheHost() throws IOException {
    Sample sample = sample();
    List<String> lines = lines(sample, 80);
    assertThat(lines).allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(80));
    int moved = indexOf(lines, "moved     read 8.8GB");
    assertThat(lines.get(moved + 1))
        .matches(" device   read 900MB \\(.*B/s\\)  written 1.8GB \\(.*/s\\)");
    int served = indexOf(lines, "served ");
    assertThat(lines.get(served + 1))
        .matches(" device   read 2.6GB \\(.*/s\\)  written 3.5GB \\(.*/s\\)");
    int memory =
        indexOf(lines, "memory    registered 5MB host, 640MB device in 3; managed 0B of 0B");
    assertThat(lines.get(memory + 1)).isEqualTo(" device   managed 3MB of 64MB");
    // What is usual is no reason to look.
    assertThat(lines).contains("watch     DEVICE_SLOTS_DRY 5");
    // The name has its room before a column does.
    assertThat(lines.get(1)).doesNotContain(" DEV ");
    assertThat(lines.get(2)).contains(" 10.20.30.40:15000 ");
    List<String> wide = lines(sample, 100);
    assertThat(wide.get(1)).contains(" SERVE   DEV XFERS ");
    assertThat(wide.get(2)).hasSameSizeAs(wide.get(1));
    assertThat(sample.deviceBytesPerSecond()).isPositive();
  }

  @Test
  void scriptsHaveThemToo() throws IOException {
    Sample sample = sample();
    String json = TopJson.of(List.of(sample), List.of(), List.of(), Instant.now());
    assertThat(json)
        .contains(
            "\"MANAGED_DEVICE_BYTES_IN_USE\":" + 3 * MIB,
            "\"REGISTERED_BYTES_DEVICE\":" + 640 * MIB,
            "\"INBOUND_DEVICE_BYTES_READ\":" + 2700 * MIB)
        .containsPattern("\"device_read_bytes_per_s\":[1-9]")
        .containsPattern("\"device_written_bytes_per_s\":[1-9]")
        .containsPattern("\"inbound_device_read_bytes_per_s\":[1-9]")
        .containsPattern("\"inbound_device_written_bytes_per_s\":[1-9]");
  }

  private static int indexOf(List<String> lines, String start) {
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).startsWith(start)) {
        return i;
      }
    }
    throw new AssertionError("no line begins with '" + start + "': " + lines);
  }
}
