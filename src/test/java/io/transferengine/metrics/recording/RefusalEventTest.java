// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.PeerIdentity;
import io.transferengine.testkit.LogCapture;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the flight recorder gets of refusals. */
@Timeout(120)
class RefusalEventTest {
  private static final PeerIdentity PEER =
      PeerIdentity.proved(InetAddress.getLoopbackAddress(), List.of("a.example", "b\nforged"));

  @TempDir private Path folder;
  private final Audit audit = new Audit(new EngineMetrics());

  private void refuse() {
    try (LogCapture _ = new LogCapture()) {
      audit.refused(Audit.Reason.POLICY, Audit.Port.DATA, PEER, "a read");
      audit.refused(Audit.Reason.TLS_PEER, Audit.Port.PEER, "10.0.0.1:5", "x".repeat(100_000));
    }
  }

  /** {@return what a recording of refusals has of them} */
  private List<RecordedEvent> recorded(boolean enabled) throws IOException {
    Path file = folder.resolve("refusals.jfr");
    try (Recording recording = new Recording()) {
      if (enabled) {
        recording.enable(RefusalEvent.NAME).with("throttle", "off");
      } else {
        recording.disable(RefusalEvent.NAME);
      }
      recording.start();
      refuse();
      recording.stop();
      recording.dump(file);
    }
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().equals(RefusalEvent.NAME))
        .toList();
  }

  @Test
  void eachIsRecordedWithPeerReasonAndPort() throws IOException {
    List<RecordedEvent> events = recorded(true);
    assertThat(events).hasSize(2);
    RecordedEvent first = events.getFirst();
    assertThat(first.getString("peer")).isEqualTo("a.example, b forged at 127.0.0.1");
    assertThat(first.getString("reason")).isEqualTo("POLICY");
    assertThat(first.getString("port")).isEqualTo("data port");
    assertThat(first.getString("what")).isEqualTo("a read");
    assertThat(first.getStackTrace()).isNull();
    RecordedEvent second = events.getLast();
    assertThat(second.getString("peer")).isEqualTo("10.0.0.1:5");
    assertThat(second.getString("port")).isEqualTo("peer's port");
    assertThat(second.getString("what")).hasSizeLessThan(1100).endsWith("...");
  }

  @Test
  void nothingIsRecordedWhereNobodyAsks() throws IOException {
    assertThat(recorded(false)).isEmpty();
  }

  /** A flood fills no disk: the recorder takes a sample, as the event says by itself. */
  @Test
  void aFloodIsSampled() throws IOException {
    Path file = folder.resolve("flood.jfr");
    try (LogCapture _ = new LogCapture();
        Recording recording = new Recording()) {
      recording.enable(RefusalEvent.NAME);
      recording.start();
      for (int i = 0; i < 20_000; i++) {
        audit.refused(Audit.Reason.POLICY, Audit.Port.DATA, PEER, "number " + i);
      }
      recording.stop();
      recording.dump(file);
    }
    assertThat(RecordingFile.readAllEvents(file)).isNotEmpty().hasSizeLessThan(10_000);
  }
}
