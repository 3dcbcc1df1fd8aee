// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.events.TransferReport;
import io.transferengine.transfer.Operation;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Stages add up to the whole, whenever their ends were noted. */
class TransferStagesTest {
  private static TransferReport report(
      long submitted, long begun, long started, long settled, long ended) {
    return new TransferStages(submitted, begun, started, settled, ended)
        .of(TransferReport.builder(Operation.READ, "peer"))
        .build();
  }

  private static List<Long> stages(TransferReport report) {
    return List.of(
        report.lookUp().toNanos(),
        report.queued().toNanos(),
        report.moving().toNanos(),
        report.settling().toNanos());
  }

  @Test
  void eachEndsWhereTheNextBegins() {
    assertThat(stages(report(100, 110, 130, 170, 250))).containsExactly(10L, 20L, 40L, 80L);
    // By a clock that passes its largest value.
    long before = Long.MAX_VALUE - 15;
    assertThat(stages(report(before, before + 10, before + 30, before + 70, before + 150)))
        .containsExactly(10L, 20L, 40L, 80L);
  }

  /** Work that begins after its transfer was given up, or is noted a little late. */
  @Test
  void aMomentThatIsNotBetweenItsNeighboursCountsAsOneOfThem() {
    assertThat(stages(report(100, 110, 300, 170, 250))).containsExactly(10L, 60L, 0L, 80L);
    assertThat(stages(report(100, 110, 171, 170, 170))).containsExactly(10L, 60L, 0L, 0L);
    assertThat(stages(report(100, 110, 130, 400, 250))).containsExactly(10L, 20L, 120L, 0L);
    assertThat(stages(report(100, 90, 80, 70, 60))).containsExactly(0L, 0L, 0L, 0L);
  }

  @Test
  void theyAddUpWhateverWasNoted() {
    SplittableRandom random = new SplittableRandom(16);
    for (int i = 0; i < 10_000; i++) {
      long submitted = random.nextLong();
      long ended = submitted + random.nextLong(1000);
      TransferReport report =
          report(
              submitted,
              submitted + random.nextLong(-500, 1500),
              submitted + random.nextLong(-500, 1500),
              submitted + random.nextLong(-500, 1500),
              ended);
      assertThat(stages(report)).allMatch(stage -> stage >= 0);
      assertThat(stages(report).stream().mapToLong(Long::longValue).sum())
          .isEqualTo(ended - submitted)
          .isEqualTo(report.duration().toNanos());
    }
  }
}
