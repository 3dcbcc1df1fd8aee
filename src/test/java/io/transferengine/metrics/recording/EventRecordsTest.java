// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.events.EngineEvent.Kind;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the flight recorder gets of all that happens beside transfers. */
@Timeout(120)
class EventRecordsTest {
  @TempDir private Path folder = Path.of("");

  private final EngineMetrics metrics = new EngineMetrics();

  private List<RecordedEvent> recorded(boolean enabled, Runnable work) throws IOException {
    Path file = folder.resolve("events.jfr");
    try (Recording recording = new Recording()) {
      for (String each :
          List.of("Handshake", "Registration", "PathChange", "Fallback", "Limit", "Refusal")) {
        if (enabled) {
          recording.enable("io.transferengine." + each).with("throttle", "off");
        } else {
          recording.disable("io.transferengine." + each);
        }
      }
      recording.start();
      work.run();
      recording.stop();
      recording.dump(file);
    }
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().startsWith("io.transferengine."))
        .toList();
  }

  private void everything() {
    metrics.happened(Kind.HANDSHAKE_MADE, Counter.HANDSHAKES_MADE, "a:1", "PROBE", 2_000_000);
    metrics.happened(Kind.HANDSHAKE_FAILED, Counter.HANDSHAKES_FAILED, "a:1", "silent", 3);
    metrics.happened(Kind.HANDSHAKE_SERVED, Counter.HANDSHAKES_SERVED, "a:1", "METADATA", 4);
    metrics.memory(Kind.REGISTERED, 2, 8192);
    metrics.memory(Kind.UNREGISTERED, 1, 4096);
    metrics.happened(Kind.PATH_UP, Counter.CONNECTIONS_OPENED, "tcp", "a:1", "open");
    metrics.happened(
        Kind.PATH_DOWN, Counter.RDMA_PATHS_FAILED, "rdma", "a:1", new IOException("no\nroute"));
    metrics.happened(Kind.FALLBACK, Counter.TCP_CHOSEN_OVER_RDMA, "tcp", "a:1", "no device");
    metrics.happened(Kind.LIMIT_REACHED, Counter.STAGING_DRY, "tcp", "a:1", "x".repeat(5000));
    metrics.happened(Kind.REFUSED, Counter.INBOUND_REJECTED, "tcp", "a:1", "a range");
    try (LogCapture _ = new LogCapture()) {
      new Audit(metrics).refused(Audit.Reason.RIGHTS, Audit.Port.DATA, "a:1", "a write");
    }
  }

  private static RecordedEvent of(Map<String, RecordedEvent> byKind, String kind) {
    return Objects.requireNonNull(byKind.get(kind), kind);
  }

  @Test
  void eachKindIsAnEvent() throws IOException {
    List<RecordedEvent> events = recorded(true, this::everything);
    Map<String, RecordedEvent> byKind = new HashMap<>();
    for (RecordedEvent each : events) {
      String type = each.getEventType().getName().substring("io.transferengine.".length());
      assertThat(each.getStackTrace()).as(type).isNull();
      assertThat(each.getEventType().getCategoryNames()).contains("Transfer Engine");
      assertThat(each.getString("peer")).isEqualTo(type.equals("Registration") ? "" : "a:1");
      byKind.put(each.getString(type.equals("Refusal") ? "reason" : "kind"), each);
    }
    // One of them is told by the audit, and not twice.
    assertThat(events).hasSize(11);
    for (Kind each : Kind.values()) {
      String key = each == Kind.REFUSED ? Counter.INBOUND_REJECTED.name() : each.name();
      assertThat(byKind).as("every kind").containsKey(key);
    }
    RecordedEvent made = of(byKind, "HANDSHAKE_MADE");
    assertThat(made.getDuration("took")).isEqualTo(Duration.ofMillis(2));
    assertThat(made.getString("what")).isEqualTo("PROBE");
    assertThat(made.getString("counter")).isEqualTo("HANDSHAKES_MADE");
    RecordedEvent registered = of(byKind, "REGISTERED");
    assertThat(registered.getInt("ranges")).isEqualTo(2);
    assertThat(registered.getLong("bytes")).isEqualTo(8192);
    RecordedEvent down = of(byKind, "PATH_DOWN");
    assertThat(down.getEventType().getName()).isEqualTo("io.transferengine.PathChange");
    assertThat(down.getString("transport")).isEqualTo("rdma");
    assertThat(down.getString("what")).isEqualTo("no route");
    assertThat(of(byKind, "LIMIT_REACHED").getString("what")).hasSizeLessThan(1100);
    assertThat(of(byKind, "RIGHTS").getString("what")).isEqualTo("a write");
  }

  @Test
  void whatTheAuditTellsIsToldOnce() throws IOException {
    List<RecordedEvent> events =
        recorded(
            true,
            () -> {
              try (LogCapture _ = new LogCapture()) {
                Audit audit = new Audit(metrics);
                for (Audit.Reason each : Audit.Reason.values()) {
                  audit.refused(each, Audit.Port.RPC, "a:1", "something");
                }
              }
            });
    assertThat(events)
        .extracting(event -> event.getString("reason"))
        .containsExactlyInAnyOrder(
            Arrays.stream(Audit.Reason.values()).map(Enum::name).toArray(String[]::new));
  }

  @Test
  void nothingIsRecordedWhereNobodyAsks() throws IOException {
    assertThat(recorded(false, this::everything)).isEmpty();
    assertThat(metrics.count(Counter.STAGING_DRY)).isOne();
  }

  /** A link that comes and goes fills no disk. */
  @Test
  void aFloodIsSampled() throws IOException {
    Path file = folder.resolve("flood.jfr");
    try (Recording recording = new Recording()) {
      recording.enable("io.transferengine.PathChange");
      recording.start();
      for (int i = 0; i < 20_000; i++) {
        metrics.happened(Kind.PATH_DOWN, Counter.CONNECTIONS_LOST, "tcp", "a:1", i);
      }
      recording.stop();
      recording.dump(file);
    }
    assertThat(RecordingFile.readAllEvents(file)).isNotEmpty().hasSizeLessThan(10_000);
  }
}
