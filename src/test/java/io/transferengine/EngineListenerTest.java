// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.events.EngineListener;
import io.transferengine.events.TransferReport;
import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What listeners, the log and recordings are told of transfers. */
@Timeout(120)
class EngineListenerTest {
  private static final int BYTES = 1 << 20;

  private final List<TransferReport> reports = new CopyOnWriteArrayList<>();

  private final class Collecting implements EngineListener {
    @Override
    public void transferEnded(TransferReport report) {
      reports.add(report);
    }
  }

  private static void addsUp(TransferReport report) {
    assertThat(report.lookUp().plus(report.queued()).plus(report.moving()).plus(report.settling()))
        .isEqualTo(report.duration());
    assertThat(List.of(report.lookUp(), report.queued(), report.moving(), report.settling()))
        .allSatisfy(stage -> assertThat(stage.isNegative()).isFalse());
  }

  @Test
  void aListenerIsToldOfEachEnd() {
    try (TestEngine here = new TestEngine(BYTES);
        TestEngine there = new TestEngine(BYTES)) {
      EngineListening listening = here.engine.listen(new Collecting());
      String peer = there.engine.segmentName();
      Transfer written =
          here.submit(
              Operation.WRITE,
              peer,
              BlockColumns.of(
                  new long[] {here.address(), here.address() + 8192},
                  new long[] {there.address(), there.address() + 8192},
                  new long[] {4096, 100}));
      TestEngine.assertCompleted(written);

      assertThat(reports)
          .singleElement()
          .satisfies(
              report -> {
                assertThat(report.operation()).isEqualTo(Operation.WRITE);
                assertThat(report.target()).isEqualTo(peer);
                assertThat(report.transport()).isEqualTo("tcp");
                assertThat(report.tries()).isEqualTo(1);
                assertThat(report.blocks()).isEqualTo(2);
                assertThat(report.bytes()).isEqualTo(4196);
                assertThat(report.bytesMoved()).isEqualTo(4196);
                assertThat(report.state()).isEqualTo(TransferState.COMPLETED);
                assertThat(report.cause()).isEmpty();
                assertThat(report.failure()).isEmpty();
                assertThat(report.moving()).isPositive();
                addsUp(report);
                assertThat(report.requests()).isEqualTo(2);
                assertThat(report.requestsAgain()).isZero();
                assertThat(report.lanes()).isBetween(1, 2);
                // Its caller can have the same.
                assertThat(written.report().explain()).isEqualTo(report.explain());
                assertThat(written.explain())
                    .startsWith(report.explain())
                    .contains(", 2 requests on ")
                    .endsWith("; only tcp reaches the peer");
              });

      TestEngine.assertFailed(here.submit(Operation.READ, peer, there.address() + 2L * BYTES, 100));
      TransferReport failed = reports.getLast();
      assertThat(failed.operation()).isEqualTo(Operation.READ);
      assertThat(failed.state()).isEqualTo(TransferState.FAILED);
      assertThat(failed.cause()).isPresent();
      assertThat(failed.explain())
          .contains(
              "READ of 100 bytes in 1 block to " + peer,
              "over tcp: FAILED after ",
              ", 0 bytes moved")
          .contains(failed.failure().orElseThrow().getMessage());
      addsUp(failed);

      listening.close();
      listening.close();
      TestEngine.assertCompleted(here.submit(Operation.READ, peer, there.address(), 100));
      assertThat(reports).hasSize(2);
    }
  }

  @Test
  void whatAListenerThrowsHarmsNobody() {
    try (LogCapture log = new LogCapture();
        TestEngine here = new TestEngine(BYTES);
        TestEngine there = new TestEngine(BYTES);
        EngineListening _ =
            here.engine.listen(
                new EngineListener() {
                  @Override
                  public void transferEnded(TransferReport report) {
                    throw new IllegalStateException("of the application");
                  }

                  @Override
                  public String toString() {
                    return "that throws";
                  }
                });
        EngineListening _ = here.engine.listen(new Collecting())) {
      TestEngine.serves(there, here);
      assertThat(reports).hasSize(1);
      assertThat(log.warnings()).anyMatch(line -> line.contains("The listener that throws failed"));
    }
  }

  @Test
  void aClosedEngineTakesNoListener() {
    TestEngine here = new TestEngine(BYTES);
    here.close();
    assertThatThrownBy(() -> here.engine.listen(new Collecting()))
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CLOSED));
  }

  /** A peer whose port is there, and which never answers. */
  private static ServerSocket silent() throws IOException {
    return new ServerSocket(0, 10, InetAddress.ofLiteral("127.0.0.1"));
  }

  @Test
  void aSlowTransferIsLoggedWithItsStages() throws IOException {
    try (LogCapture log = new LogCapture();
        ServerSocket peer = silent();
        TestEngine here = new TestEngine(BYTES, builder -> builder.slowTransferMillis(20))) {
      String name = "127.0.0.1:" + peer.getLocalPort();
      Transfer transfer =
          here.submit(
              Operation.WRITE,
              name,
              BlockColumns.of(here.address(), here.address(), 10),
              Duration.ofMillis(30));
      assertThat(TestEngine.end(transfer)).isEqualTo(TransferState.TIMEOUT);

      TransferReport report = transfer.report();
      assertThat(report.transport()).isEmpty();
      assertThat(report.tries()).isZero();
      assertThat(report.cause()).contains(FailureCause.TIMEOUT);
      // It never came further than to look up the peer.
      assertThat(report.queued()).isZero();
      assertThat(report.moving()).isZero();
      addsUp(report);
      TestEngine.isWarned(
          log, "A slow transfer: WRITE of 10 bytes in 1 block to " + name, "TIMEOUT");
      assertThat(log.pairs("A slow transfer"))
          .containsEntry("peer", name)
          .containsEntry("operation", "WRITE")
          .containsEntry("transport", "")
          .containsEntry("outcome", "TIMEOUT")
          .containsEntry("bytes", 10L)
          .containsEntry("micros", report.duration().toNanos() / 1000)
          .containsEntry("cause", "TIMEOUT");
    }
  }

  @Test
  void aTransferUnderWayIsExplainedToo() throws IOException {
    try (ServerSocket peer = silent();
        TestEngine here = new TestEngine(BYTES)) {
      Transfer transfer =
          here.submit(Operation.WRITE, "127.0.0.1:" + peer.getLocalPort(), here.address(), 10);
      assertThat(transfer.report().explain()).contains(": WAITING after ", ", 0 bytes moved");
      assertThat(transfer.cancel()).isTrue();
      TestEngine.end(transfer);
      assertThat(transfer.report().state()).isEqualTo(TransferState.CANCELED);
    }
  }

  /** Each is stuck in another stage, until its deadline. */
  @Test
  void stagesOfSlowTransfersInARecordingAddUpToTheirDurations(@TempDir Path folder)
      throws Exception {
    Path file = folder.resolve("slow.jfr");
    Duration limit = Duration.ofSeconds(2);
    try (ServerSocket unknown = silent();
        RawTarget mute = new RawTarget(1, 4096).behaving(RawTarget.Connection::drain);
        TestEngine here = new TestEngine(BYTES);
        Recording recording = new Recording()) {
      recording.enable("io.transferengine.Transfer"); // with its own threshold
      recording.start();
      List<Transfer> all =
          List.of(
              here.submit(
                  Operation.WRITE,
                  "127.0.0.1:" + unknown.getLocalPort(),
                  BlockColumns.of(here.address(), here.address(), 10),
                  limit),
              here.submit(
                  Operation.READ,
                  mute.name(),
                  BlockColumns.of(here.address(), RawTarget.BASE, 10),
                  limit));
      for (Transfer each : all) {
        assertThat(TestEngine.end(each)).isEqualTo(TransferState.TIMEOUT);
      }
      recording.stop();
      recording.dump(file);
    }
    List<RecordedEvent> events =
        RecordingFile.readAllEvents(file).stream()
            .filter(event -> event.getEventType().getName().equals("io.transferengine.Transfer"))
            .toList();
    assertThat(events).hasSize(2);
    for (RecordedEvent each : events) {
      Duration stages = stages(each);
      assertThat(stages)
          .isBetween(
              each.getDuration().multipliedBy(95).dividedBy(100),
              each.getDuration().multipliedBy(105).dividedBy(100));
    }
    Process print =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "jfr").toString(),
                "print",
                "--events",
                "io.transferengine.*",
                file.toString())
            .redirectErrorStream(true)
            .start();
    String text = new String(print.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(print.waitFor()).as(text).isZero();
    assertThat(text)
        .contains("io.transferengine.Transfer {", "lookUp = ", "queued = ", "moving = ")
        .contains("settling = ", "requests = 1", "lanes = 1", "outcome = \"TIMEOUT\"");
  }

  private static Duration stages(RecordedEvent event) {
    Duration sum = Duration.ZERO;
    for (String stage : List.of("lookUp", "queued", "moving", "settling")) {
      sum = sum.plus(event.getDuration(stage));
    }
    return sum;
  }

  @Test
  void aRecordingHasTransfersWithTheirStages(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("transfers.jfr");
    try (TestEngine here = new TestEngine(BYTES);
        TestEngine there = new TestEngine(BYTES);
        Recording recording = new Recording()) {
      TestEngine.serves(there, here); // before it begins
      recording.enable("io.transferengine.Transfer").withThreshold(Duration.ZERO);
      recording.start();
      TestEngine.serves(there, here);
      TestEngine.assertFailed(
          here.submit(
              Operation.READ, there.engine.segmentName(), there.address() + 2L * BYTES, 100));
      recording.stop();
      recording.dump(file);
    }
    List<RecordedEvent> events =
        RecordingFile.readAllEvents(file).stream()
            .filter(event -> event.getEventType().getName().equals("io.transferengine.Transfer"))
            .sorted(Comparator.comparing(RecordedEvent::getStartTime))
            .toList();
    assertThat(events).hasSize(2);
    RecordedEvent written = events.getFirst();
    assertThat(written.getString("operation")).isEqualTo("WRITE");
    assertThat(written.getString("transport")).isEqualTo("tcp");
    assertThat(written.getString("outcome")).isEqualTo("COMPLETED");
    assertThat(written.getString("cause")).isEmpty();
    assertThat(written.getLong("bytes")).isEqualTo(BYTES);
    Duration stages = stages(written);
    // Its clock may be another, which is read at the same moments and differs by a little.
    Duration most = written.getDuration().multipliedBy(101).dividedBy(100).plusMillis(1);
    assertThat(stages).isPositive().isLessThanOrEqualTo(most);
    assertThat(events.getLast().getString("cause")).isNotEmpty();
  }
}
