// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a recording has of a transfer, when there is a lot to do before and after it. */
@Timeout(60)
class TransferRecordTest {
  private static final long ADDRESS = 0x1000;
  private static final long STEP_NANOS = 100_000_000;

  /** Takes some time, on any machine. */
  private static void step() {
    long start = System.nanoTime();
    while (System.nanoTime() - start < STEP_NANOS) {
      Thread.onSpinWait();
    }
  }

  /** Accounts for the end, and tells listeners: for a while. */
  private static final class Owner extends EndOwner {
    @Override
    public void ended(TransferHandle handle, TransferState state, @Nullable FailureCause cause) {
      step();
      Objects.requireNonNull(handle.recorded()).commitWith(handle.report());
    }
  }

  @Test
  void aTransferThatWasNotLongEnoughIsNotRecorded(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("transfer.jfr");
    try (Recording recording = new Recording()) {
      recording.enable(TransferRecord.NAME).withThreshold(Duration.ofDays(1));
      recording.start();
      TransferRecord recorded = Objects.requireNonNull(TransferRecord.begun());
      assertThat(recorded.beginNow()).isLessThanOrEqualTo(System.nanoTime());
      assertThat(recorded.isWantedNow()).isFalse();
      assertThat(recorded.isWanted()).isFalse();
      // Somebody else asks for shorter ones, meanwhile.
      recording.enable(TransferRecord.NAME).withThreshold(Duration.ZERO);
      assertThat(recorded.isWantedNow()).isTrue();
      assertThat(recorded.isWanted()).isTrue();
      recording.stop();
      recording.dump(file);
    }
    assertThat(RecordingFile.readAllEvents(file))
        .noneMatch(event -> event.getEventType().getName().equals(TransferRecord.NAME));
  }

  @Test
  void whatIsDoneBeforeAndAfterATransferIsNotInItsDuration(@TempDir Path folder)
      throws IOException {
    Path file = folder.resolve("transfer.jfr");
    Region region = new RegionTable().register(ADDRESS, 4096, "*");
    assertThat(region.acquire()).isTrue();
    TransferHandle handle;
    try (Recording recording = new Recording()) {
      recording.enable(TransferRecord.NAME).withThreshold(Duration.ZERO);
      recording.start();
      TransferRecord recorded = TransferRecord.begun();
      assertThat(recorded).isNotNull();
      step();
      handle =
          new TransferHandle(
              new Owner(),
              TransferRequest.of(Operation.WRITE, "peer", BlockColumns.of(ADDRESS, ADDRESS, 16)),
              region,
              Long.MAX_VALUE / 2,
              recorded,
              null);
      assertThat(handle.cancel()).isTrue();
      recording.stop();
      recording.dump(file);
    }
    List<RecordedEvent> events =
        RecordingFile.readAllEvents(file).stream()
            .filter(event -> event.getEventType().getName().equals(TransferRecord.NAME))
            .toList();
    assertThat(events).hasSize(1);
    RecordedEvent event = events.getFirst();
    Duration stages = Duration.ZERO;
    for (String stage : List.of("lookUp", "queued", "moving", "settling")) {
      stages = stages.plus(event.getDuration(stage));
    }
    assertThat(stages).isEqualTo(Duration.ofNanos(handle.tookNanos()));
    assertThat(event.getDuration().minus(stages).abs()).isLessThan(Duration.ofNanos(STEP_NANOS));
  }
}
