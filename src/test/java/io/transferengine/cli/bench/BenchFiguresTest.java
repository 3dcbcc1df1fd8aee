// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.console.Progress;
import io.transferengine.transfer.Operation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Medians, ratios, rounds, and what perftest prints. */
@Timeout(60)
class BenchFiguresTest {
  private static final BenchRow ROW = new BenchRow(BenchRow.GRID, Operation.WRITE, 4096, 8);

  /** Of a second. */
  private static BenchResult result(long bytes, Optional<String> problem) {
    return new BenchResult(
        bytes,
        bytes / 4096,
        new BenchResult.Cost(1_000_000_000, 300_000_000, 200_000_000, 4096),
        new Histogram(3),
        problem);
  }

  /** Gives the same result each time and notes that it was asked. */
  private record Noting(String name, List<String> notes, BenchRow row, BenchResult result)
      implements BenchCase, Reference {
    @Override
    public BenchResult measure() {
      notes.add(name);
      return result;
    }

    @Override
    public void beginRound() {
      notes.add("round");
    }

    @Override
    public Optional<Reference.Figure> measure(BenchRow measured) {
      notes.add(name);
      return measured.equals(row)
          ? Optional.of(new Reference.Figure(2, OptionalDouble.empty(), OptionalDouble.empty()))
          : Optional.empty();
    }

    @Override
    public String explanation() {
      return name;
    }
  }

  @Test
  void theSpreadHasTheMedianInTheMiddle() {
    assertThat(Spread.of(List.of(5.0, 1.0, 3.0))).isEqualTo(new Spread(3, 1, 5));
    assertThat(Spread.of(List.of(4.0, 1.0, 2.0, 9.0))).isEqualTo(new Spread(3, 1, 9));
    assertThatThrownBy(() -> Spread.of(List.of())).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aFigureIsTheMedianOverTheRounds() {
    BenchSummary summary =
        new BenchSummary(
            ROW,
            List.of(
                result(1_000_000_000, Optional.empty()),
                result(4_000_000_000L, Optional.empty()),
                result(2_000_000_000, Optional.empty())),
            Optional.of(
                new BenchSummary.Turns(
                    "other",
                    List.of(
                        new Reference.Figure(5, OptionalDouble.of(7), OptionalDouble.empty()),
                        new Reference.Figure(3, OptionalDouble.empty(), OptionalDouble.of(4))))));

    assertThat(summary.gbPerSecond()).isEqualTo(new Spread(2, 1, 4));
    assertThat(summary.ratio()).hasValue(0.5);
    assertThat(summary.median(BenchResult::cpuSecondsPerGb)).isEqualTo(0.25);
    assertThat(summary.reference().orElseThrow().cpuSecondsPerGb()).hasValue(7);
    assertThat(summary.referenceP50Micros()).hasValue(4);
    assertThat(summary.latencyRatio()).hasValue(summary.percentileMicros(50) / 4);
  }

  @Test
  void rowsTakeTurnsWithTheReferenceThatKnowsThem() {
    List<String> notes = new ArrayList<>();
    BenchRow other = new BenchRow(BenchRow.GRID, Operation.READ, 4096, 8);
    BenchResult good = result(4096, Optional.empty());
    BenchCase write = new Noting("write", notes, ROW, good);
    BenchCase read = new Noting("read", notes, other, good);
    Reference reference = new Noting("reference", notes, ROW, good);

    List<BenchSummary> rows =
        new BenchRounds(List.of(reference), 2, List.of(write, read)).run(Progress.none(), _ -> {});

    assertThat(notes.subList(0, 5))
        .containsExactly("round", "reference", "write", "reference", "read");
    assertThat(notes).hasSize(10);
    assertThat(rows.getFirst().results()).hasSize(2);
    assertThat(rows.getFirst().reference().orElseThrow().figures()).hasSize(2);
    assertThat(rows.getLast().reference()).isEmpty();
  }

  @Test
  void aRowThatFailedIsNotMeasuredAgain() {
    List<String> notes = new ArrayList<>();
    BenchCase failing = new Noting("write", notes, ROW, result(4096, Optional.of("differs")));

    List<BenchSummary> rows =
        new BenchRounds(List.of(), 3, List.of(failing)).run(Progress.none(), _ -> {});

    assertThat(notes).containsExactly("write");
    assertThat(rows.getFirst().problem()).hasValue("differs");
  }

  @Test
  void readsWhatPerftestPrints() {
    String form =
        """
        ---------------------------------------------------------------------------------------
         GID: 00:00:00:00:00:00:00:00:00:00:255:255:10:99:00:02
        ---------------------------------------------------------------------------------------
         #bytes     #iterations    BW peak[MB/sec]    BW average[MB/sec]   MsgRate[Mpps]
         65536      3330             %s               %s \t\t   0.001642
        ---------------------------------------------------------------------------------------
        """;

    assertThat(Perftest.bytesPerSecond(form.formatted("0.00", "102.63")))
        .hasValue(102.63 * 1024 * 1024);
    assertThat(Perftest.bytesPerSecond(form.formatted("204.48", "0.00"))).isEmpty();
    assertThat(Perftest.bytesPerSecond(form.formatted("inf", "inf"))).isEmpty();
    assertThat(Perftest.bytesPerSecond(form.formatted("inf", "Infinity"))).isEmpty();
    assertThat(Perftest.bytesPerSecond(" Unable to init the socket connection")).isEmpty();
  }
}
